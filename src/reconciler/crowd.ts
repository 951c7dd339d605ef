import type { Judgement } from './judge';
import type { PlanInput } from './plan.types';

/** So many times as many replicas as may live are leaving at most. */
const LEAVING_FOR_EACH = 2;

/**
 * Whether so many replicas of a deployment are leaving that new ones have to wait for them. Where no quota limits replicas, whoever started a
 * deployment again or rolled it out over and over, faster than containers end, would hold any amount of room. What is kept warm and what
 * nodes without an answer hold is not waited for: the first is bounded, and the second may last for days.
 */
export function isCrowded({ targetReplicas, policy }: PlanInput['deployment'], judged: readonly Judgement[]): boolean {
  const leaving = judged.filter(
    ({ replica, status, release }) =>
      status === 'stopping' && replica.reserved && !release && replica.nodeOnline && replica.warmUntil === null,
  );
  return leaving.length >= LEAVING_FOR_EACH * (targetReplicas + policy.maxSurge);
}
