import type { Details } from '../../audit/bounded-details';
import type { ContainerSpec, VolumeMount } from '../../engines/container-spec';
import type { ContainerRequestDto, ContainerViewDto } from '../dto/container.dto';
import type { DeployRequestDto } from '../dto/deploy-request.dto';
import type { VolumeMountDto } from '../dto/volume-mount.dto';
import type { DeployOrder, DeploymentSpec } from './deployment-spec';
import { readCheck, showCheck } from './health-check-codec';
import { requireDistinct } from './secret-env';
import { readPolicy, showPolicy } from './rollout-policy';

/**
 * Every form of a spec outside of the program: the request, the views, the audit log and the column of a revision. A new member
 * of `ContainerSpec` is read, shown and audited here. Drivers get it without a mapping.
 */

/** A container's spec as users may see it: only the names of `env`. */
export type VisibleContainer = Omit<ContainerSpec, 'env'> & { readonly envNames: readonly string[] };

/** What the body of a deploy request asks for. Throws `validation_failed` for a reason without a protection. */
export const readOrder = (body: DeployRequestDto): DeployOrder => ({
  spec: readSpec(body),
  project: body.project ?? null,
  protectionReason: body.protectionReason(),
});

/** The spec that the body of a deploy request asks for, with every member that was sent. */
export const readSpec = (body: DeployRequestDto): DeploymentSpec => ({
  name: body.name,
  type: body.type,
  replicas: body.replicas,
  region: body.region,
  placementStrategy: body.placement_strategy,
  labels: body.labels,
  rollout: readPolicy(body.rollout),
  routes: body.routes.map(({ host, path_prefix: pathPrefix, port }) => ({ host: host ?? null, pathPrefix, port })),
  container: readContainer(body),
});

function readContainer({ resources, health_check: check, ...body }: ContainerRequestDto): ContainerSpec {
  requireDistinct({ env: body.env, secretEnv: body.secret_env });
  return {
    image: body.container_image,
    command: body.command ?? null,
    env: body.env,
    secretEnv: body.secret_env,
    resources: { cpuCores: resources.cpu, memoryMb: resources.memory, gpuUnits: resources.gpu, storageGb: resources.storage },
    ports: body.ports.map((port) => ({ containerPort: port.container_port, protocol: port.protocol })),
    healthCheck: check ? readCheck(check) : null,
    readOnlyRoot: body.read_only_root,
    restart: body.restart,
    ...(body.volumes.length > 0 ? { volumes: body.volumes.map(readVolume) } : {}),
  };
}

const readVolume = ({ name, path, size_gb: sizeGb, read_only: readOnly }: VolumeMountDto): VolumeMount => ({
  name,
  path,
  sizeGb,
  readOnly,
});

const showVolume = ({ name, path, sizeGb, readOnly }: VolumeMount): VolumeMountDto => ({
  name,
  path,
  size_gb: sizeGb,
  read_only: readOnly,
});

/** What the views show of a container. */
export const showContainer = (visible: VisibleContainer): ContainerViewDto => ({
  container_image: visible.image,
  command: visible.command && [...visible.command],
  env_names: [...visible.envNames],
  secret_env: { ...visible.secretEnv },
  ports: visible.ports.map((port) => ({ container_port: port.containerPort, protocol: port.protocol })),
  health_check: visible.healthCheck && showCheck(visible.healthCheck),
  read_only_root: visible.readOnlyRoot ?? false,
  restart: visible.restart ?? 'always',
  volumes: (visible.volumes ?? []).map(showVolume),
});

/** What the audit log keeps of a spec: no commands and no values of `env`, since all of them may hold secrets. */
export const auditSpec = ({ container, ...spec }: DeploymentSpec): Details => ({
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
  routes: spec.routes.map(({ host, pathPrefix, port }) => `${host ?? ''}${pathPrefix} to ${port}`),
  restart: container.restart,
  labels: spec.labels,
  rollout: showPolicy(spec.rollout),
  env_names: Object.keys(container.env),
  secret_env: container.secretEnv ?? {},
  read_only_root: container.readOnlyRoot ?? false,
  volumes: (container.volumes ?? []).map(showVolume),
});

/** A container's spec as a revision stores it where there is nothing to encrypt: JSON of the same shape. */
export const storedContainer = (container: ContainerSpec): string => JSON.stringify(container);

/** What a spec weighs in the quota of its owner: the bytes of what is stored of it, with its labels. Quotas and rows ask it of one spec. */
export function storedBytes(spec: DeploymentSpec): number {
  const known = weights.get(spec);
  if (known !== undefined) return known;
  const bytes = Buffer.byteLength(storedContainer(spec.container)) + Buffer.byteLength(JSON.stringify(spec.labels));
  weights.set(spec, bytes);
  return bytes;
}

const weights = new WeakMap<DeploymentSpec, number>();

/** An SQL expression that makes a `VisibleContainer` of the column of a revision: values of `env` do not leave the database. */
export const visibleContainer = (spec: string): string => `
  CASE WHEN ${spec} ? 'envNames' THEN ${spec}
       ELSE ${spec} - 'env' || jsonb_build_object('envNames', (
         SELECT coalesce(jsonb_agg(name ORDER BY name), '[]') FROM jsonb_object_keys(${spec}->'env') AS name)) END`;
