import type { RestorationCandidate } from './restoration.repository';
import { restoredStatus } from '../deployments/domain/deployment-status';

/**
 * How many replicas a restore places anew: none for a deployment that comes back stopped, and none for replicas that are warm.
 */
export const replicasToPlace = ({ statusBefore, targetReplicas, warmReplicaIds }: RestorationCandidate): number =>
  restoredStatus(statusBefore) === 'scheduled' ? Math.max(0, targetReplicas - warmReplicaIds.length) : 0;
