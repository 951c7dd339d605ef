import { isUuid } from '../common/uuid';
import type { Sighted } from '../orphans/sightings.repository';
import type { ObservedWorkload } from '../runtime/runtime-driver';
import type { ReplicaRecord } from './node-sync.repository';

/** Labels that were written by hand may be anything. */
export const namesReplica = ({ replicaId }: Pick<ObservedWorkload, 'replicaId'>): boolean => isUuid(replicaId);

const idOrNull = (text: string): string | null => (isUuid(text) ? text.toLowerCase() : null);

/** A workload that no unfinished replica stands for, as it is noted: without anything that changes at every look. */
export function containerSighting({ containerId, replicaId, deploymentId, phase, origin }: ObservedWorkload): Sighted {
  return {
    kind: 'container',
    subject: containerId,
    deploymentId: idOrNull(deploymentId),
    replicaId: idOrNull(replicaId),
    facts: { ...origin, createdAt: origin?.createdAt?.toISOString() ?? null, phase },
  };
}

/** A replica that is recorded to run and has no workload. */
export const missingSighting = ({ id, deploymentId }: Pick<ReplicaRecord, 'id' | 'deploymentId'>): Sighted => ({
  kind: 'replica',
  subject: id,
  deploymentId,
  replicaId: id,
  facts: {},
});
