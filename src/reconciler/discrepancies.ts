import { isLive } from '../deployments/domain/replica-status';
import type { ObservedWorkload } from '../runtime/runtime-driver';
import type { ReplicaRecord } from './node-sync.repository';

export interface Discrepancies {
  /** Deployments whose records differ from what the node showed, and those that have waited for the node to answer. */
  readonly wake: readonly string[];
  /** Workloads that belong to no unfinished replica. */
  readonly unclaimed: readonly ObservedWorkload[];
}

/** Compares the records of one node with everything that its engine showed. Finds nothing when the two agree. */
export function discrepancies(
  records: readonly ReplicaRecord[],
  workloads: readonly ObservedWorkload[],
  node: { readonly cameBack: boolean; readonly draining: boolean },
): Discrepancies {
  const shown = new Map(workloads.map((workload) => [workload.replicaId, workload]));
  const unfinished = records.filter((record) => !record.finished);
  const wake = unfinished.filter((record) => {
    if (record.status === 'running' && shown.get(record.id)?.phase !== 'running') return true;
    // A suspended container that does not run is as it should be until its job is due. Anything else needs that job now.
    if (record.suspended && (node.draining || shown.get(record.id)?.phase !== 'exited')) return true;
    if (record.status === 'starting' && shown.has(record.id) && shown.get(record.id)?.phase !== 'starting') return true;
    return (node.cameBack && record.status !== 'running') || (node.draining && isLive(record.status));
  });
  const known = new Set(unfinished.map((record) => record.id));
  return {
    wake: [...new Set(wake.map((record) => record.deploymentId))],
    unclaimed: workloads.filter((workload) => !known.has(workload.replicaId)),
  };
}
