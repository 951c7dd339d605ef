import type { AppConfig } from '../../config/app-config';
import type { FieldFault } from '../../common/problem/domain-error';
import { checkedPort, type HealthCheckSpec, type PortSpec } from '../../engines/container-spec';
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
  | 'MAX_PORTS'
  | 'MIN_STORAGE_GB'
  | 'MAX_STORAGE_GB'
>;

/** The members of a spec that have limits, or depend on one another. */
interface Limited {
  readonly replicas: number;
  readonly resources: Resources;
  readonly ports?: readonly PortSpec[];
  readonly healthCheck?: HealthCheckSpec | null;
}

/** Checks the configured limits; types and shapes were checked when the body was read. Empty when all is within the limits. */
export function limitFaults(limits: Limits, { replicas, resources, ports = [], healthCheck = null }: Limited): FieldFault[] {
  return [
    ...replicaFaults(limits, replicas),
    ...outside('/resources/cpu', resources.cpuCores, limits.MIN_CPU_CORES, limits.MAX_CPU_CORES, 'cores'),
    ...outside('/resources/memory', resources.memoryMb, limits.MIN_MEMORY_MB, limits.MAX_MEMORY_MB, 'MB'),
    ...outside('/resources/gpu', resources.gpuUnits, 0, limits.MAX_GPU_UNITS, 'units'),
    ...outside('/resources/storage', resources.storageGb, limits.MIN_STORAGE_GB, limits.MAX_STORAGE_GB, 'GB'),
    ...portFaults(limits, ports),
    ...checkFaults(healthCheck, ports),
  ];
}

/** A port that is listed twice would be published once, so one of the two would be a mistake. */
function portFaults({ MAX_PORTS: most }: Pick<Limits, 'MAX_PORTS'>, ports: readonly PortSpec[]): FieldFault[] {
  const names = ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`);
  return [
    ...(ports.length > most ? [{ pointer: '/ports', detail: `must have at most ${most} entries` }] : []),
    ...names.flatMap((name, index) =>
      names.indexOf(name) < index ? [{ pointer: `/ports/${index}`, detail: `must not repeat ${name}` }] : [],
    ),
  ];
}

/** A check from outside reaches published ports only. */
function checkFaults(check: HealthCheckSpec | null, ports: readonly PortSpec[]): FieldFault[] {
  const port = check && checkedPort(check);
  if (!check || port === null || ports.some(({ containerPort, protocol }) => containerPort === port && protocol === 'tcp')) return [];
  const kind = 'http' in check ? 'http' : 'tcp';
  return [
    {
      pointer: `/health_check/${kind}/port`,
      detail: `must be one of the tcp ports of the deployment, so ${port} has to be listed in ports`,
    },
  ];
}

export const replicaFaults = (limits: Pick<Limits, 'MAX_REPLICAS'>, replicas: number): FieldFault[] =>
  outside('/replicas', replicas, 1, limits.MAX_REPLICAS, 'replicas');

function outside(pointer: string, value: number, min: number, max: number, unit: string): FieldFault[] {
  return value >= min && value <= max ? [] : [{ pointer, detail: `must be between ${min} and ${max} ${unit}` }];
}
