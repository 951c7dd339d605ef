import type { RestorationCandidate } from './restoration.repository';
import { restoredStatus } from '../deployments/domain/deployment-status';

/** How many replicas a restore begins anew: none of a deployment that comes back stopped, and none that were kept warm. */
export const replicasToPlace = ({ statusBefore, targetReplicas, warmReplicaIds }: RestorationCandidate): number =>
  restoredStatus(statusBefore) === 'scheduled' ? Math.max(0, targetReplicas - warmReplicaIds.length) : 0;
