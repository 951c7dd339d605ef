import { isLive } from '../deployments/domain/replica-status';
import type { Judgement } from './judge';
import type { PlanInput } from './plan.types';
import { answersSome } from './reach';
import { isAvailable, isWell, nextRollout, shareOut, type Side } from './rollout';

/** How many replicas of one rollout are wanted, and which there are. */
export interface Share {
  readonly rollout: number;
  readonly wanted: number;
  /** How many of its replicas serve, those that have ended and need no successor included. */
  readonly available: number;
  /** Live replicas on nodes that they need not leave, and those that have ended and need no successor. */
  readonly lasting: readonly Judgement[];
  /** Failed replicas of this generation that have no successor yet. */
  readonly failures: readonly Judgement[];
}

/**
 * One share for each rollout that is wanted or has replicas. Without an open rollout the current one has them all. The current one
 * comes first, since its replicas keep the deployment up. Pure.
 */
export function sharesOf(input: Pick<PlanInput, 'deployment' | 'now'>, judged: readonly Judgement[]): readonly Share[] {
  const { deployment } = input;
  const { currentRollout, targetReplicas, policy, rollout: open } = deployment;
  const next = nextRollout(deployment);
  const present = [...new Set([currentRollout, next, ...judged.map(({ replica }) => replica.rollout)])].map((rollout) => {
    const ofRollout = judged.filter(({ replica }) => replica.rollout === rollout);
    return {
      rollout,
      lasting: ofRollout.filter((each) => isOver(deployment, each) || (isLive(each.status) && !leavesNode(each))),
      available: ofRollout.filter((each) => isOver(deployment, each) || isAvailable(each, input)).length,
      failures: unreplaced(deployment, ofRollout),
    };
  });
  const side = (...rollouts: readonly number[]): Side => {
    const shares = present.filter(({ rollout }) => rollouts.includes(rollout));
    return {
      live: shares.reduce((sum, { lasting }) => sum + lasting.length, 0),
      available: shares.reduce((sum, { available }) => sum + available, 0),
    };
  };
  const former = present.map(({ rollout }) => rollout).filter((rollout) => rollout !== next && rollout !== currentRollout);
  const wanted = shareOut({
    ...policy,
    target: targetReplicas,
    paused: open?.state === 'paused',
    next: side(next),
    current: next === currentRollout ? null : side(currentRollout),
    former: side(...former),
  });
  let formerLeft = wanted.former;
  return present.map((share): Share => {
    if (share.rollout === next) return { ...share, wanted: wanted.next };
    if (share.rollout === currentRollout) return { ...share, wanted: wanted.current };
    const kept = Math.min(share.available, formerLeft);
    formerLeft -= kept;
    return { ...share, wanted: kept };
  });
}

/** Failed replicas of this generation that wait for a successor. */
export const unreplaced = (deployment: PlanInput['deployment'], judged: readonly Judgement[]): Judgement[] =>
  judged.filter((each) => each.status === 'failed' && counts(deployment, each) && !isFinalFailure(each));

/** True for a replica that has ended and keeps its place: it ended well, or it failed after it had run once and may run only once. */
export const isOver = (deployment: PlanInput['deployment'], judgement: Judgement): boolean =>
  counts(deployment, judgement) && (hasEndedWell(judgement) || isFinalFailure(judgement));

export const hasEndedWell = ({ replica, move }: Judgement): boolean => replica.completed || move?.completed === true;

const isFinalFailure = ({ replica, move, status }: Judgement): boolean =>
  status === 'failed' && replica.restart === 'never' && (replica.startedAt !== null || move?.startedAt !== undefined);

const counts = ({ generation }: PlanInput['deployment'], { replica }: Judgement): boolean =>
  !replica.superseded && replica.generation === generation;

/** Why a replica has to leave its node when enough others serve; null when it may stay. */
export const leavesNode = ({ replica }: Judgement): string | null =>
  replica.nodeDraining ? 'Node is draining' : replica.nodeLost ? `Node ${replica.nodeName} is lost` : null;

/** How many replicas of a rollout are missing. */
export const missingOf = ({ wanted, lasting }: Share): number => Math.max(0, wanted - lasting.length);

/**
 * The replicas beyond the wanted number, as when a node stops draining before its replicas have moved. Replicas on nodes without
 * an answer come first, then those that are not well, those that no router reaches, those that have not run for long enough to count,
 * and the oldest: as a scale-down ends them.
 */
export function surplusOf({ wanted, lasting }: Share, input: Pick<PlanInput, 'deployment' | 'now'>): readonly Judgement[] {
  const serves = (judgement: Judgement): number =>
    (judgement.replica.nodeOnline ? 8 : 0) +
    (isWell(judgement) ? 4 : 0) +
    (answersSome(judgement, input.deployment) ? 2 : 0) +
    (isAvailable(judgement, input) ? 1 : 0);
  const leastWanted = lasting.toSorted((a, b) => serves(a) - serves(b));
  return leastWanted.slice(0, Math.max(0, lasting.length - wanted));
}
