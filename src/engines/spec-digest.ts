import { createHash } from 'node:crypto';
import type { ContainerSpec } from './container-spec';

/**
 * What a container is made of, with the values of secrets in its `env`, as one short text, so that a container can be compared with
 * a revision: SHA-256 in hex, the same for the same content in whatever order its members are. The digest of the image is not part
 * of it.
 */
export function specDigest({ image, command, env, resources, ports, healthCheck, readOnlyRoot, restart, volumes }: ContainerSpec): string {
  const content = {
    image,
    command,
    env,
    resources,
    ports,
    healthCheck,
    readOnlyRoot: readOnlyRoot ?? false,
    restart: restart ?? 'always',
    // Left out where there are none, so that containers of before have the digest that they were made with.
    ...(volumes ? { volumes: volumes.map(({ name, path, sizeGb, readOnly }) => ({ name, path, sizeGb, readOnly })) } : {}),
  } satisfies Required<Omit<ContainerSpec, 'secretEnv' | 'volumes'>> & Pick<ContainerSpec, 'volumes'>;
  return createHash('sha256')
    .update(JSON.stringify(ordered(content)))
    .digest('hex');
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => [name, ordered(member)]);
}
