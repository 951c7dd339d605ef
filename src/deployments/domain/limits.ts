import type { AppConfig } from '../../config/app-config';
import type { FieldFault } from '../../common/problem/domain-error';
import type { Resources } from '../../engines/resources';

/** The most characters of the reason for a protection, a legal hold or a force release; reasons are shown and audited. */
export const MAX_REASON_LENGTH = 500;

type Limits = Pick<
  AppConfig,
  | 'MAX_REPLICAS'
  | 'MIN_CPU_CORES'
  | 'MAX_CPU_CORES'
  | 'MIN_MEMORY_MB'
  | 'MAX_MEMORY_MB'
  | 'MAX_GPU_UNITS'
  | 'MIN_STORAGE_GB'
  | 'MAX_STORAGE_GB'
>;

/** Checks the configured limits; types and shapes were checked when the body was read. Empty when all is within the limits. */
export function limitFaults(
  limits: Limits,
  { replicas, resources }: { readonly replicas: number; readonly resources: Resources },
): FieldFault[] {
  return [
    ...replicaFaults(limits, replicas),
    ...outside('/resources/cpu', resources.cpuCores, limits.MIN_CPU_CORES, limits.MAX_CPU_CORES, 'cores'),
    ...outside('/resources/memory', resources.memoryMb, limits.MIN_MEMORY_MB, limits.MAX_MEMORY_MB, 'MB'),
    ...outside('/resources/gpu', resources.gpuUnits, 0, limits.MAX_GPU_UNITS, 'units'),
    ...outside('/resources/storage', resources.storageGb, limits.MIN_STORAGE_GB, limits.MAX_STORAGE_GB, 'GB'),
  ];
}

export const replicaFaults = (limits: Pick<Limits, 'MAX_REPLICAS'>, replicas: number): FieldFault[] =>
  outside('/replicas', replicas, 1, limits.MAX_REPLICAS, 'replicas');

function outside(pointer: string, value: number, min: number, max: number, unit: string): FieldFault[] {
  return value >= min && value <= max ? [] : [{ pointer, detail: `must be between ${min} and ${max} ${unit}` }];
}
