import { isLive } from '../deployments/domain/replica-status';
import type { Judgement } from './judge';
import type { PlanInput } from './plan.types';

/** How many replicas of one revision are wanted, and which there are. */
export interface Share {
  readonly revision: number;
  readonly wanted: number;
  /** Live replicas on nodes that do not drain. */
  readonly lasting: readonly Judgement[];
  /** Failed replicas of this generation that have no successor yet. */
  readonly failures: readonly Judgement[];
}

/** How many replicas of each revision a deployment wants; at present all are of the current one. */
export const wantedReplicas = ({ revision, targetReplicas }: PlanInput['deployment']): ReadonlyMap<number, number> =>
  new Map([[revision, targetReplicas]]);

/** One share for each revision that is wanted or has replicas, the newest first. Pure. */
export function sharesOf(
  deployment: PlanInput['deployment'],
  wanted: ReadonlyMap<number, number>,
  judged: readonly Judgement[],
): readonly Share[] {
  const revisions = new Set([...wanted.keys(), ...judged.map(({ replica }) => replica.revision)]);
  return [...revisions]
    .sort((a, b) => b - a)
    .map((revision) => {
      const ofRevision = judged.filter(({ replica }) => replica.revision === revision);
      return {
        revision,
        wanted: wanted.get(revision) ?? 0,
        lasting: ofRevision.filter(({ status, replica }) => isLive(status) && !replica.nodeDraining),
        failures: unreplaced(deployment, ofRevision),
      };
    });
}

/** Failed replicas of this generation that have no successor yet. */
export const unreplaced = ({ generation }: PlanInput['deployment'], judged: readonly Judgement[]): Judgement[] =>
  judged.filter(({ replica, status }) => status === 'failed' && !replica.superseded && replica.generation === generation);

/** How many replicas of a revision are missing. */
export const missingOf = ({ wanted, lasting }: Share): number => Math.max(0, wanted - lasting.length);

/**
 * The replicas beyond the wanted number, as when a node stops draining before its replicas have moved. Replicas on nodes without
 * an answer come first, then those that do not run yet, then the oldest: as a scale-down ends them.
 */
export function surplusOf({ wanted, lasting }: Share): readonly Judgement[] {
  const serves = ({ status, replica }: Judgement): number => (replica.nodeOnline ? 2 : 0) + (status === 'running' ? 1 : 0);
  const leastWanted = lasting.toSorted((a, b) => serves(a) - serves(b));
  return leastWanted.slice(0, Math.max(0, lasting.length - wanted));
}
