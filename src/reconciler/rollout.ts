import { isLive } from '../deployments/domain/replica-status';
import { goesForward, type RolloutPolicy } from '../deployments/domain/rollout';
import type { Judgement } from './judge';
import type { PlanInput } from './plan.types';
import { answersSome, isReached } from './reach';

/** The replicas of one side of a rollout. */
export interface Side {
  /** How many live that need not leave their node. */
  readonly live: number;
  /** How many serve, those included that have to leave. */
  readonly available: number;
}

/** One moment of a rollout in numbers. */
export interface RolloutMoment extends Pick<RolloutPolicy, 'maxSurge' | 'maxUnavailable'> {
  readonly target: number;
  /** Nothing begins and nobody leaves, but what the deployment needs is kept up. */
  readonly paused: boolean;
  /** The replicas that are to stay in the end. */
  readonly next: Side;
  /** The replicas of the current rollout, where those are not `next`. */
  readonly current: Side | null;
  /** Replicas of rollouts that were given up: they serve until others can. */
  readonly former: Side;
}

/** How many replicas of each side are wanted now. */
export interface SharedOut {
  readonly next: number;
  readonly current: number;
  readonly former: number;
}

/**
 * Shares the wanted replicas out among the sides of a rollout. Pure. If each side is brought to its number, least serving replicas
 * first, then never fewer than `target - maxUnavailable` replicas serve (or as few as before), never more than
 * `target + maxSurge` live (or as many as before), and some step can always be made. Those that have to leave their node do not count as
 * living: if they did, a rollout that has used its surge up, and hangs or is paused, would keep an administrator's drain from its end.
 */
export function shareOut({ target, paused, maxSurge, maxUnavailable, next, current, former }: RolloutMoment): SharedOut {
  const most = target + maxSurge;
  const needed = Math.max(0, target - maxUnavailable - next.available);
  const keptFormer = Math.min(former.available, paused ? former.available : Math.max(0, needed - (current?.available ?? 0)));
  const needsCurrent = Math.max(needed - keptFormer, paused ? (current?.live ?? 0) : 0);
  // What serves may stay beyond the surge, as after the wanted number has fallen; only new ones may not come, nor for what leaves its node.
  const staying = current === null ? 0 : Math.min(current.available, current.live);
  const keptCurrent = current === null ? 0 : Math.min(needsCurrent, Math.max(staying, most - next.live - keptFormer));
  // What is beyond these numbers ends with this plan, so that its room is free for what begins with it.
  const room = most - keptCurrent - keptFormer;
  const wantedNext = Math.min(target, paused ? next.live : Math.max(next.live, room));
  return { next: wantedNext, current: keptCurrent, former: keptFormer };
}

/** The number of the rollout whose replicas are to stay in the end. */
export const nextRollout = ({ rollout, currentRollout }: PlanInput['deployment']): number =>
  rollout !== null && goesForward(rollout) ? rollout.number : currentRollout;

/** True while replicas of several rollouts live, or are about to. */
export const isMixed = ({ deployment }: Pick<PlanInput, 'deployment'>, judged: readonly Judgement[]): boolean =>
  deployment.rollout !== null || judged.some(({ replica, status }) => isLive(status) && replica.rollout !== nextRollout(deployment));

/** The revision that the replicas of a rollout run; null for one that was given up, which gets no new replicas. */
export function revisionOf({ rollout, currentRollout, revision }: PlanInput['deployment'], number: number): number | null {
  if (number === currentRollout) return revision;
  return number === rollout?.number ? rollout.revision : null;
}

/**
 * In how many milliseconds a running replica will have run long enough to count; 0 when it has. One that ran before the open
 * rollout began counts as it did then, so that a way back to it is not waited for.
 */
export function settlesInMs({ replica, move }: Judgement, { deployment, now }: Pick<PlanInput, 'deployment' | 'now'>): number {
  const since = move || !replica.runningAt ? now : replica.runningAt;
  if (deployment.rollout !== null && since < deployment.rollout.startedAt) return 0;
  return Math.max(0, since.getTime() + deployment.policy.minHealthySeconds * 1000 - now.getTime());
}

/** True for a replica that runs, that nobody has frozen, and whose health check has passed if it has one, as it is seen now. */
export const isWell = ({ replica, status, refresh }: Judgement): boolean =>
  status === 'running' && !(refresh?.paused ?? replica.paused) && (replica.check === null || replica.healthy === true);

/**
 * True for a replica that serves: it is well, and somebody confirms that. New ones must have run for a while, and routers must reach them
 * at every routed port; an old one counts as long as it answers for some route.
 */
export function isAvailable(judgement: Judgement, input: Pick<PlanInput, 'deployment' | 'now'>): boolean {
  const { replica } = judgement;
  if (!isWell(judgement) || !replica.nodeOnline) return false;
  if (replica.rollout !== nextRollout(input.deployment)) return answersSome(judgement, input.deployment);
  return isReached(judgement, input.deployment) && settlesInMs(judgement, input) === 0;
}
