import type { ProblemCode } from '../common/problem/catalog';
import { wantsReplicas } from '../deployments/domain/deployment-status';
import { specDigest } from '../engines/spec-digest';
import type { OrphanAdvice, OrphanView } from './orphan.types';

/** Why something cannot be done with an orphan. */
export interface Obstacle {
  readonly code: Extract<ProblemCode, 'conflict' | 'validation_failed'>;
  readonly detail: string;
}

type Judged = Omit<OrphanView, 'id' | 'firstSeenAt' | 'lastSeenAt' | 'sightings'>;

const conflict = (detail: string): Obstacle => ({ code: 'conflict', detail });

const ended = ({ state }: Judged): Obstacle | null => {
  switch (state) {
    case 'found':
      return null;
    case 'reaping':
      return conflict('It is being reaped already');
    case 'reaped':
      return conflict('It has been reaped');
    case 'adopted':
      return conflict('It has been adopted');
  }
};

/** Why it cannot be reaped; null when it can. Pure, and the same for the preview and under the locks. */
export function reapObstacle(orphan: Judged): Obstacle | null {
  if (orphan.kind === 'container' && orphan.replicaId === null)
    return conflict('No label of it names a replica: remove the container by hand');
  return ended(orphan);
}

/** How a container is adopted. `raiseTarget`: one more replica is wanted where all run already. */
export interface Adoption {
  readonly raiseTarget: boolean;
}

/**
 * Why a container cannot become a replica; null when it can. It has to be what a replica of the present start and revision is, and
 * one that is missing, on a node that takes replicas. Whether the node has room for it is for the database to say.
 */
export function adoptObstacle(orphan: Judged, adoption: Adoption): Obstacle | null {
  const { kind, deployment, replicaId } = orphan;
  if (kind !== 'container') {
    return { code: 'validation_failed', detail: `Only a container can be adopted; this is a ${kind}, which can be reaped` };
  }
  const over = ended(orphan);
  if (over) return over;
  if (replicaId === null) return conflict('No label of it names a replica');
  if (!deployment) return conflict('The deployment that it names is not known here: it can only be reaped');
  if (deployment.status === 'deleted') return conflict('Its deployment is deleted: restore that first, then adopt the container');
  if (!wantsReplicas(deployment.status)) {
    return conflict(`Its deployment is ${deployment.status} and wants no replicas: start or retry that first`);
  }
  if (orphan.replicaStatus !== null)
    return conflict(`Its replica is ${orphan.replicaStatus} for good, and the container is removed by itself`);
  return mismatch(orphan, deployment) ?? roomFault(orphan, deployment, adoption);
}

type Deployment = NonNullable<OrphanView['deployment']>;

function mismatch({ facts }: Judged, { generation, revision, spec, imageDigest }: Deployment): Obstacle | null {
  if (facts.specDigest == null) return conflict('Its labels do not say what it is made of: an earlier version of this program made it');
  if (facts.specDigest !== specDigest(spec)) return conflict(`It is made of something else than revision ${revision} of its deployment`);
  if (imageDigest !== null && facts.imageDigest !== imageDigest) {
    return conflict(`It runs another image than the one that was chosen for revision ${revision}`);
  }
  if ((facts.generation ?? 0) < generation)
    return conflict(`It is of an earlier start of its deployment (generation ${facts.generation ?? 0})`);
  return null;
}

/** True when none of the wanted replicas is missing, so that an adopted one is one more. */
export const isFull = ({ running, targetReplicas }: Pick<Deployment, 'running' | 'targetReplicas'>): boolean => running >= targetReplicas;

function roomFault({ facts, nodeFault, nodeName }: Judged, deployment: Deployment, { raiseTarget }: Adoption): Obstacle | null {
  if (facts.phase !== 'running')
    return conflict(`It does not run (${facts.phase ?? 'unknown'}): only a container that runs can be adopted`);
  if (deployment.openRollout !== null) return conflict('A rollout of its deployment is open: wait for its end');
  if (isFull(deployment) && !raiseTarget) {
    return conflict(`All ${deployment.targetReplicas} replicas of its deployment run already: raise_target=true wants one more`);
  }
  return nodeFault === null ? null : conflict(`Node ${nodeName ?? 'unknown'} takes no replicas: ${nodeFault}`);
}

/** What to do with it, as far as that can be said. */
export function adviceOn(orphan: Judged): OrphanAdvice {
  if (orphan.kind === 'container' && orphan.replicaId === null) return 'by_hand';
  if (orphan.state !== 'found' || orphan.knowledge === 'purged') return 'wait';
  if (orphan.kind === 'container' && orphan.replicaStatus !== null) return 'wait';
  return adoptObstacle(orphan, { raiseTarget: false }) === null ? 'adopt' : 'reap';
}
