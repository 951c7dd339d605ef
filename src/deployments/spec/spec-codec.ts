import type { ContainerSpec } from '../../engines/container-spec';
import type { ContainerRequestDto, ContainerViewDto } from '../dto/container.dto';
import type { DeployRequestDto } from '../dto/deploy-request.dto';
import type { DeploymentSpec } from './deployment-spec';

/**
 * Every form of a spec outside of the program: the request, the views, the audit log and the column of a revision. A new member
 * of `ContainerSpec` is read, shown and audited here. Drivers get it without a mapping.
 */

/** A container's spec as users may see it: only the names of `env`. */
export type VisibleContainer = Omit<ContainerSpec, 'env'> & { readonly envNames: readonly string[] };

/** The spec that the body of a deploy request asks for, with every member that was sent. */
export const readSpec = (body: DeployRequestDto): DeploymentSpec => ({
  name: body.name,
  type: body.type,
  replicas: body.replicas,
  region: body.region,
  placementStrategy: body.placement_strategy,
  labels: body.labels,
  container: readContainer(body),
});

const readContainer = ({ resources, health_check: check, ...body }: ContainerRequestDto): ContainerSpec => ({
  image: body.container_image,
  command: body.command ?? null,
  env: body.env,
  resources: { cpuCores: resources.cpu, memoryMb: resources.memory, gpuUnits: resources.gpu, storageGb: resources.storage },
  ports: body.ports.map((port) => ({ containerPort: port.container_port, protocol: port.protocol })),
  healthCheck: check
    ? {
        command: check.command,
        intervalSeconds: check.interval_seconds,
        timeoutSeconds: check.timeout_seconds,
        retries: check.retries,
        startPeriodSeconds: check.start_period_seconds,
      }
    : null,
});

/** What the views show of a container. */
export const showContainer = ({ healthCheck: check, ...visible }: VisibleContainer): ContainerViewDto => ({
  container_image: visible.image,
  command: visible.command && [...visible.command],
  env_names: [...visible.envNames],
  ports: visible.ports.map((port) => ({ container_port: port.containerPort, protocol: port.protocol })),
  health_check: check && {
    command: [...check.command],
    interval_seconds: check.intervalSeconds,
    timeout_seconds: check.timeoutSeconds,
    retries: check.retries,
    start_period_seconds: check.startPeriodSeconds,
  },
});

/** What the audit log keeps of a spec: no commands and no values of `env`, since all of them may hold secrets. */
export const auditSpec = ({ container, ...spec }: DeploymentSpec): Readonly<Record<string, unknown>> => ({
  name: spec.name,
  type: spec.type,
  container_image: container.image,
  replicas: spec.replicas,
  region: spec.region,
  placement_strategy: spec.placementStrategy,
  cpu_cores: container.resources.cpuCores,
  memory_mb: container.resources.memoryMb,
  gpu_units: container.resources.gpuUnits,
  storage_gb: container.resources.storageGb,
  ports: container.ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`),
  labels: spec.labels,
  env_names: Object.keys(container.env),
});

/** A container's spec as a revision stores it: JSON of the same shape, which is read back as a `ContainerSpec`. */
export const storedContainer = (container: ContainerSpec): string => JSON.stringify(container);

/** An SQL expression that makes a `VisibleContainer` of the column of a revision: values of `env` do not leave the database. */
export const visibleContainer = (spec: string): string => `
  ${spec} - 'env' || jsonb_build_object('envNames', (
    SELECT coalesce(jsonb_agg(name ORDER BY name), '[]') FROM jsonb_object_keys(${spec}->'env') AS name))`;
