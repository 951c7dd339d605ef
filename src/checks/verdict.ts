import type { ProbeResult } from './probe-result';

/** What the results of a replica's probes have come to. */
export interface Verdict {
  /** Null before the first success, or as many failures as make a replica unhealthy. */
  readonly healthy: boolean | null;
  /** Why it is not healthy, or not yet, in words; null when it is. */
  readonly reason: string | null;
  /** Failures in a row that count. */
  readonly failures: number;
  /** When the last of them was counted, or the run began: milliseconds of the same clock as `nowMs`. */
  readonly countedAtMs: number;
}

/** How failures of a replica count. */
export interface CheckRules {
  readonly intervalMs: number;
  readonly retries: number;
  /** Until then failures do not count while nothing has succeeded; of the same clock as `nowMs`. */
  readonly startPeriodEndsMs: number;
}

/**
 * The verdict after one more result. Pure. A success makes a replica healthy at once. `retries` failures in a row make it
 * unhealthy: at most one counts in each interval, because a replica that starts is probed more often than it is judged.
 */
export function judgeProbe(before: Verdict, result: ProbeResult, { rules, nowMs }: { rules: CheckRules; nowMs: number }): Verdict {
  if (result.passed) return { healthy: true, reason: null, failures: 0, countedAtMs: nowMs };
  const isStarting = before.healthy === null;
  if (!counts(before, result, { rules, nowMs })) return isStarting ? { ...before, reason: result.words } : before;
  const failures = before.failures + 1;
  const counted = { failures, countedAtMs: nowMs };
  if (failures < rules.retries) return { ...before, ...counted, reason: isStarting ? result.words : before.reason };
  return { ...counted, healthy: false, reason: withCount(result.words, failures, rules.retries) };
}

function counts(
  before: Verdict,
  result: Exclude<ProbeResult, { passed: true }>,
  { rules, nowMs }: { rules: CheckRules; nowMs: number },
): boolean {
  if (result.fault === 'prober') return false;
  if (before.healthy !== null) return result.fault === 'replica';
  return nowMs >= rules.startPeriodEndsMs && nowMs - before.countedAtMs >= rules.intervalMs;
}

const TIMES = [
  'once',
  'twice',
  'three times',
  'four times',
  'five times',
  'six times',
  'seven times',
  'eight times',
  'nine times',
  'ten times',
];

/** The count stays at the number that decides, so that words about a replica that fails on and on do not change. */
function withCount(words: string, failures: number, retries: number): string {
  const count = Math.min(failures, retries);
  return count === 1 ? words : `${words}, ${TIMES[count - 1] ?? `${count} times`} in a row`;
}
