import type { LiveReplica } from '../deployments/live-replicas.repository';
import type { Said } from '../runtime/ask-replicas';
import type { WorkloadSample } from '../runtime/runtime-driver';
import type { ReplicaStatsDto } from './replica-stats.dto';

/** What a replica uses, from what its engine said now and its sample before; without one the use of the processor is not known. */
export function usageOf(
  replica: LiveReplica,
  now: Said<WorkloadSample | null> | undefined,
  before: WorkloadSample | undefined,
): ReplicaStatsDto {
  const { id, node, cpuCores, memoryMb } = replica;
  const sample = now && 'said' in now ? now.said : null;
  const cores = sample && (sample.coresInUse ?? (before ? coresIn(before, sample) : null));
  return {
    replica_id: id,
    node_name: node.name,
    runtime: node.runtime,
    sampled_at: sample?.takenAt.toISOString() ?? null,
    cpu_cores: cores === null ? null : rounded(cores, 3),
    cpu_percent: cores === null ? null : rounded((cores / cpuCores) * 100, 1),
    cpu_limit_cores: cpuCores,
    memory_used_mb: sample && rounded(sample.memoryUsedMb, 1),
    memory_percent: sample && rounded((sample.memoryUsedMb / memoryMb) * 100, 1),
    memory_limit_mb: memoryMb,
    network_rx_bytes: sample?.network?.rxBytes ?? null,
    network_tx_bytes: sample?.network?.txBytes ?? null,
    reason: sample ? null : now && 'error' in now ? now.error : 'Its container does not run',
  };
}

/** Null when the samples are not of one run, or of one moment. */
export function coresIn(before: WorkloadSample, after: WorkloadSample): number | null {
  const [busy, passed] = [after.cpuSeconds - before.cpuSeconds, after.clockSeconds - before.clockSeconds];
  return passed > 0 && busy >= 0 ? busy / passed : null;
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));
