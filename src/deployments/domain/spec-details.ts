import type { DeploymentSpec } from './deployment-spec';

/** What the audit log keeps of a wish: no command and no values of `env`, since both may hold secrets. */
export function specDetails(spec: DeploymentSpec): Readonly<Record<string, unknown>> {
  return {
    name: spec.name,
    type: spec.type,
    container_image: spec.containerImage,
    replicas: spec.replicas,
    region: spec.region,
    placement_strategy: spec.placementStrategy,
    cpu_cores: spec.resources.cpuCores,
    memory_mb: spec.resources.memoryMb,
    gpu_units: spec.resources.gpuUnits,
    storage_gb: spec.resources.storageGb,
    ports: spec.ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`),
    labels: spec.labels,
    env_names: Object.keys(spec.env),
  };
}
