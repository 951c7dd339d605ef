import { goesForward } from '../deployments/domain/rollout';
import { isLive } from '../deployments/domain/replica-status';
import type { Judgement } from './judge';
import type { PlanInput, RolloutStep } from './plan.types';
import { waitsForReachWords } from './reach';
import { endsStart, nextAttempt } from './restart-policy';
import { isMixed, nextRollout, settlesInMs } from './rollout';
import { missingOf, type Share } from './shares';

/** How bad a failure is for a start: see `endsStart`. */
export function failureOf({ replica, move, hopeless }: Judgement, now: Date): { hopeless: boolean; byNode: boolean; attempts: number } {
  return {
    hopeless: hopeless === true,
    byNode: move ? move.failedByNode === true : replica.failedByNode,
    attempts: nextAttempt({ ...replica, changedAt: move ? now : replica.changedAt }),
  };
}

/**
 * What becomes of the open rollout now. It is complete when as many new replicas serve as are wanted. It fails when a new replica
 * cannot start, has failed too often in a row, or nothing got better until the deadline; then it ends as the policy says. Null: it
 * stays as it is. What keeps new replicas from serving is noted; that they find no place is noted by those who place them.
 */
export function rolloutStep({ deployment, now }: PlanInput, shares: readonly Share[]): RolloutStep | null {
  const { rollout, targetReplicas, status, policy } = deployment;
  if (!rollout || status !== 'running') return null;
  const own = shares.find((share) => share.rollout === rollout.number);
  if (!goesForward(rollout)) return isBack(deployment, shares) ? { kind: 'finished' } : null;
  if (rollout.state === 'paused') return null;
  const available = own?.available ?? 0;
  if (available >= targetReplicas) return { kind: 'state', state: 'completed', why: '' };
  const waits = waitsForReachWords(own?.lasting ?? [], deployment);
  const why = failureWords(own, now) ?? (now >= rollout.deadlineAt ? deadlineWords(available, deployment, waits) : null);
  if (why !== null) return { kind: 'state', state: stateAfterFailure(deployment, policy.onFailure), why };
  if (available > rollout.healthyReplicas) return { kind: 'progress', healthyReplicas: available };
  const isPlacing = own !== undefined && missingOf(own) > 0;
  return isPlacing || waits === rollout.reason ? null : { kind: 'waits', words: waits };
}

/** A restart has no other revision to go back to. */
function stateAfterFailure({ rollout }: PlanInput['deployment'], onFailure: 'rollback' | 'pause'): 'paused' | 'failed' | 'rolled_back' {
  if (onFailure === 'pause') return 'paused';
  return rollout?.revision === rollout?.fromRevision ? 'failed' : 'rolled_back';
}

/** A failure that another attempt would repeat counts at once; any other when it is recorded, because then its last lines are known. */
function failureWords(own: Share | undefined, now: Date): string | null {
  const failure = own?.failures.find(
    (judgement) => (judgement.hopeless || !judgement.move) && endsStart(failureOf(judgement, now), { patient: true }),
  );
  if (!failure) return null;
  const { replica, move } = failure;
  return `${move?.reason ?? replica.reason ?? 'A new replica failed'}, on node ${replica.nodeName}`;
}

/** With what it waited for, which would be forgotten otherwise. */
const deadlineWords = (available: number, { policy, targetReplicas, rollout }: PlanInput['deployment'], waits: string | null): string =>
  `No progress for ${policy.progressDeadlineSeconds} s: ${available} of ${targetReplicas} new replicas are healthy` +
  (rollout?.healthyReplicas ? `, ${rollout.healthyReplicas} were` : '') +
  becauseOf(waits ?? rollout?.reason ?? null);

const becauseOf = (words: string | null): string => (words === null ? '' : `; ${words}`);

/** True when no replica of a given-up rollout is left and the current one has all of its own. */
const isBack = (deployment: PlanInput['deployment'], shares: readonly Share[]): boolean =>
  shares.every((share) =>
    share.rollout === deployment.currentRollout ? missingOf(share) === 0 : share.lasting.every(({ status }) => !isLive(status)),
  );

/** When to look again because new replicas will count, or because the deadline is over: in milliseconds from now. */
export function rolloutLookMs(input: PlanInput, judged: readonly Judgement[]): number[] {
  const { deployment, now } = input;
  const { rollout } = deployment;
  if (rollout?.state === 'paused' || !isMixed(input, judged)) return [];
  const next = nextRollout(deployment);
  const settling = judged
    .filter(({ status, replica }) => status === 'running' && replica.rollout === next)
    .map((judgement) => settlesInMs(judgement, { deployment, now }))
    .filter((ms) => ms > 0);
  return [...settling, ...(rollout && goesForward(rollout) ? [Math.max(0, rollout.deadlineAt.getTime() - now.getTime())] : [])];
}
