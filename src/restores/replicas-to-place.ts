import type { RestorationCandidate } from './restoration.repository';
import { restoredStatus } from '../deployments/domain/deployment-status';
import { replicaAmounts, type QuotaDemand } from '../deployments/quota';
import type { Asker } from '../quotas/asker';

/**
 * How many replicas a restore places anew: none for a deployment that comes back stopped, and none for replicas that are warm.
 */
export const replicasToPlace = ({ statusBefore, targetReplicas, warmReplicaIds }: RestorationCandidate): number =>
  restoredStatus(statusBefore) === 'scheduled' ? Math.max(0, targetReplicas - warmReplicaIds.length) : 0;

/**
 * What a restore asks of the quotas of its user and its project: what is wanted again, or what engines that answer still hold of it if that
 * is more, so that nobody piles up containers by deleting and restoring.
 */
export const restoreDemand = (
  { id, userId, projectId, targetReplicas, heldReplicas, resources, ports }: RestorationCandidate,
  asker: Asker,
): QuotaDemand => ({
  userId,
  projectId,
  asker,
  restored: id,
  amounts: { deployments: 1, ...replicaAmounts(Math.max(targetReplicas, heldReplicas), resources, ports) },
});
