import type { WorkloadSample } from '../runtime-driver';
import { isRecord, recordAt } from './json-lines';

const MB = 1024 * 1024;
const NANOS = 1_000_000_000;

/**
 * Reads what an engine has measured of a container, in the shapes of both versions of control groups. Null when it does not run:
 * the engine then leaves the time out and everything else is zero.
 */
export function toSample(answer: unknown): WorkloadSample | null {
  if (!isRecord(answer)) return null;
  const takenAt = new Date(String(answer.read));
  if (!(takenAt.getUTCFullYear() > 1)) return null;
  const cpu = recordAt(answer, 'cpu_stats');
  const usage = recordAt(cpu, 'cpu_usage');
  return {
    takenAt,
    cpuSeconds: (numberAt(usage, 'total_usage') ?? 0) / NANOS,
    clockSeconds: clockOf(cpu, usage) ?? takenAt.getTime() / 1000,
    memoryUsedMb: usedBytes(recordAt(answer, 'memory_stats')) / MB,
    network: networkOf(answer.networks),
  };
}

/** `docker stats` compares the time of the container with that of all processors together, so this clock is theirs for each. */
function clockOf(cpu: Record<string, unknown>, usage: Record<string, unknown>): number | null {
  const all = numberAt(cpu, 'system_cpu_usage');
  const perCpu = Array.isArray(usage.percpu_usage) ? usage.percpu_usage.length : 0;
  const processors = numberAt(cpu, 'online_cpus') ?? perCpu;
  return all === null || all === 0 || processors === 0 ? null : all / processors / NANOS;
}

/** As `docker stats`: without the cache of files that nothing has used lately, which version 1 counts under another name. */
function usedBytes(memory: Record<string, unknown>): number {
  const usage = numberAt(memory, 'usage') ?? 0;
  const stats = recordAt(memory, 'stats');
  const inactive = numberAt(stats, 'total_inactive_file') ?? numberAt(stats, 'inactive_file') ?? 0;
  return inactive < usage ? usage - inactive : usage;
}

function networkOf(networks: unknown): WorkloadSample['network'] {
  if (!isRecord(networks)) return null;
  const all = Object.values(networks).filter(isRecord);
  const sum = (key: string): number => all.reduce((total, one) => total + (numberAt(one, key) ?? 0), 0);
  return { rxBytes: sum('rx_bytes'), txBytes: sum('tx_bytes') };
}

function numberAt(value: Record<string, unknown>, key: string): number | null {
  const found = value[key];
  return typeof found === 'number' && Number.isFinite(found) ? found : null;
}
