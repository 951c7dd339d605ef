import { DomainError, type FieldFault } from '../../common/problem/domain-error';
import type { ContainerSpec } from '../../engines/container-spec';
import type { SecretValuesByName } from '../../secrets/secret-values';

type UsesSecrets = Pick<ContainerSpec, 'secretEnv'>;

/** All values of one container together, because engines and clusters limit them. */
const MAX_BYTES = 512 * 1024;

/** The names of the secrets that a container uses, each once. */
export const secretsOf = ({ secretEnv = {} }: UsesSecrets): string[] => [...new Set(Object.values(secretEnv))].sort();

/** How many bytes the copies of its secrets take that a revision keeps. `values` has each of them. */
export const copiedBytes = (container: UsesSecrets, values: SecretValuesByName): number =>
  secretsOf(container).reduce((sum, name) => sum + Buffer.byteLength(values.get(name)?.value ?? ''), 0);

/** Throws `validation_failed` for a variable that `env` has too. */
export function requireDistinct({ env, secretEnv = {} }: Pick<ContainerSpec, 'env' | 'secretEnv'>): void {
  const errors = Object.keys(secretEnv)
    .filter((name) => Object.hasOwn(env, name))
    .map((name) => ({ pointer: `/secret_env/${name}`, detail: `env has a variable ${name} too; it can be in one of the two only` }));
  refuse(errors);
}

/** Throws `validation_failed` for secrets that the project does not have, by name, and for values that are too large together. */
export function requireSecrets(container: UsesSecrets, found: SecretValuesByName): void {
  const { secretEnv = {} } = container;
  const missing = Object.entries(secretEnv).filter(([, name]) => !found.has(name));
  refuse(missing.map(([variable, name]) => ({ pointer: `/secret_env/${variable}`, detail: `the project has no secret ${name}` })));
  const bytes = Object.values(secretEnv).reduce((sum, name) => sum + Buffer.byteLength(found.get(name)?.value ?? ''), 0);
  const detail = `the values of secret_env must have at most ${MAX_BYTES} bytes together`;
  if (bytes > MAX_BYTES) refuse([{ pointer: '/secret_env', detail }]);
}

function refuse(errors: readonly FieldFault[]): void {
  if (errors[0]) throw new DomainError('validation_failed', `${errors[0].detail}.`, { errors });
}

/** The environment that a container runs with. */
export const runEnv = (
  { env, secretEnv = {} }: Pick<ContainerSpec, 'env' | 'secretEnv'>,
  values: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> => ({
  ...env,
  ...Object.fromEntries(Object.entries(secretEnv).map(([variable, name]) => [variable, values[name] ?? ''])),
});
