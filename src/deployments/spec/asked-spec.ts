import { createHash } from 'node:crypto';
import type { ContainerViewDto } from '../dto/container.dto';
import type { DeploymentSpecDto } from '../dto/deployment-detail.dto';
import type { DeploymentStatusDto } from '../dto/deployment-status.dto';
import type { DetailView } from '../views/deployment-views.repository';
import { rolloutPolicyOf } from '../domain/rollout';
import { showPolicy } from './rollout-policy';
import { showContainer } from './spec-codec';

/** What a deployment asks for in the names of a deploy request: sent again with its `env` it makes the same. */
export function askedSpec(
  { name, target_replicas: replicas, resources }: Pick<DeploymentStatusDto, 'name' | 'target_replicas' | 'resources'>,
  { type, region, placementStrategy, labels, policy, routes, container }: DetailView,
): Omit<DeploymentSpecDto, 'protectionReason'> {
  const view: Omit<ContainerViewDto, 'env_names'> & Partial<ContainerViewDto> = showContainer(container);
  delete view.env_names;
  const { command, health_check: check, ...shown } = view;
  return {
    name,
    type,
    replicas,
    region,
    placement_strategy: placementStrategy,
    labels,
    rollout: showPolicy(rolloutPolicyOf(policy)),
    resources: {
      cpu: resources.cpu_cores,
      memory: resources.memory_mb,
      gpu: resources.gpu_units,
      storage: resources.storage_gb,
    },
    ...shown,
    routes: routes.map(({ host, pathPrefix, port }) => ({ ...(host === null ? {} : { host }), path_prefix: pathPrefix, port })),
    ...(command === null ? {} : { command }),
    ...(check === null ? {} : { health_check: check }),
  };
}

/** What a hash of a spec is made of: members that came later are left out as long as they say nothing, so that it stays the same. */
export const hashedSpec = ({
  secret_env: secretEnv,
  volumes,
  ...spec
}: {
  readonly secret_env: object;
  readonly volumes: readonly object[];
}): object => ({
  ...spec,
  ...(Object.keys(secretEnv).length === 0 ? {} : { secret_env: secretEnv }),
  ...(volumes.length === 0 ? {} : { volumes }),
});

/** The same for the same content, in whatever order the members are. */
export const hashOf = (content: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(sorted(content)))
    .digest('hex');

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  );
}
