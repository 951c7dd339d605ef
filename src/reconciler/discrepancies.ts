import { isLive } from '../deployments/domain/replica-status';
import type { ObservedWorkload } from '../runtime/runtime-driver';
import type { ReplicaRecord } from './node-sync.repository';
import { isOutdated } from './runs';

export interface Discrepancies {
  /** Deployments whose records differ from what the node showed, and those that have waited for the node to answer. */
  readonly wake: readonly string[];
  /** Workloads that belong to no unfinished replica. */
  readonly unclaimed: readonly ObservedWorkload[];
  /** Replicas that are recorded to run and have no workload. */
  readonly missing: readonly ReplicaRecord[];
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
    const workload = shown.get(record.id);
    if (record.status === 'running' && !(workload && isAsRecorded(workload, record))) return true;
    // A suspended container that does not run is as it should be until its job is due. Anything else needs that job now.
    if (record.suspended && (node.draining || workload?.phase !== 'exited')) return true;
    if (record.status === 'starting' && workload && workload.phase !== 'starting') return true;
    return (node.cameBack && record.status !== 'running') || (node.draining && isLive(record.status));
  });
  const known = new Set(unfinished.map((record) => record.id));
  return {
    wake: [...new Set(wake.map((record) => record.deploymentId))],
    unclaimed: workloads.filter((workload) => !known.has(workload.replicaId)),
    missing: unfinished.filter(({ id, status }) => status === 'running' && !shown.has(id)),
  };
}

/** That a check has passed by now is a difference too: the word of it may have been lost with the engine's stream of events. */
const isAsRecorded = (workload: ObservedWorkload, record: ReplicaRecord): boolean =>
  (workload.phase === 'paused' || (workload.phase === 'running' && !record.awaitsCheck)) && !isOutdated(workload, record);
