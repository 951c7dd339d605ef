const SHARE = 0.05;
const MANY_CALLS = 20;
const LEAST_MS = 10;
const MOST_MS = 1_000;

/**
 * For how many milliseconds a run waits for other engine calls to end as well after one has that took `tookMs`, while so many others are
 * under way. A look at a hundred replicas after each of a hundred starts would cost the machine of the engine more than the starts. Where
 * few are under way, as in a rollout, a wait gathers few, and each of those that follow begins later by it: so it is shorter.
 */
export function gatherMs(tookMs: number, underWay: number): number {
  const share = tookMs * SHARE * Math.min(1, underWay / MANY_CALLS);
  return Math.min(MOST_MS, Math.max(LEAST_MS, share));
}
