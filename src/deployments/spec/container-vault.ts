import { Injectable } from '@nestjs/common';
import { SecretBox } from '../../common/crypto/secret-box';
import { SealingState } from '../../database/sealing-state';
import type { ContainerSpec } from '../../engines/container-spec';
import { NO_SECRETS, type SecretValuesByName } from '../../secrets/secret-values';
import { runEnv, secretsOf } from './secret-env';
import { storedContainer, type VisibleContainer } from './spec-codec';

/** What is written of a container's spec: two columns of a revision. */
export interface SealedContainer {
  /** JSON. */
  readonly spec: string;
  /** The values of `env`; null where there are none, or where they still stand in `spec`. */
  readonly sealed: Buffer | null;
}

/** What `storedContainerOf` reads: a spec whose values of `env` are encrypted, or one of before, in which they stand as they are. */
export interface StoredContainer extends Omit<ContainerSpec, 'env'> {
  readonly env?: Readonly<Record<string, string>>;
  envNames?: readonly string[];
  /** Of the secrets that it uses, by their names. */
  secretVersions?: Readonly<Record<string, number>>;
  /** Base64. */
  readonly sealed: string | null;
}

/** What is encrypted together. */
interface Content {
  readonly env: Readonly<Record<string, string>>;
  /** The values of secrets, by their names. Absent: it uses none. */
  readonly secrets?: Readonly<Record<string, string>>;
}

/**
 * Encrypts the values of `env` of revisions, with copies of the secrets that they use, and reads them again. Each opens in its own
 * deployment only. A copy is why all replicas of a revision run the same values, whatever becomes of a secret.
 */
@Injectable()
export class ContainerVault {
  constructor(
    private readonly box: SecretBox,
    private readonly state: SealingState,
  ) {}

  /** `values` has every secret that it uses. */
  seal(container: ContainerSpec, deploymentId: string, values: SecretValuesByName = NO_SECRETS): SealedContainer {
    if (secretsOf(container).length > 0) return sealedContainer(this.box, container, deploymentId, values);
    const hasNone = Object.keys(container.env).length === 0;
    if (hasNone || !this.state.sealsEnv) return { spec: storedContainer(container), sealed: null };
    return sealedContainer(this.box, container, deploymentId);
  }

  /** Throws in words when the values cannot be decrypted. */
  open({ sealed, ...stored }: StoredContainer, deploymentId: string): ContainerSpec {
    const env = sealed === null ? (stored.env ?? {}) : this.contentOf(sealed, deploymentId).env;
    const container: ContainerSpec & Pick<StoredContainer, 'envNames' | 'secretVersions'> = { ...stored, env };
    delete container.envNames;
    delete container.secretVersions;
    return container;
  }

  /** The same as it runs: in `env` are the values of its secrets, too. */
  openToRun(stored: StoredContainer, deploymentId: string): ContainerSpec {
    const container = this.open(stored, deploymentId);
    const values = stored.sealed === null ? {} : (this.contentOf(stored.sealed, deploymentId).secrets ?? {});
    return { ...container, env: runEnv(container, values) };
  }

  /** Null instead of an error of `openToRun`. */
  runOrNull(stored: StoredContainer, deploymentId: string): ContainerSpec | null {
    try {
      return this.openToRun(stored, deploymentId);
    } catch {
      return null;
    }
  }

  private contentOf(sealed: string, deploymentId: string): Content {
    try {
      return JSON.parse(this.box.open(Buffer.from(sealed, 'base64'), envContext(deploymentId))) as Content;
    } catch (error) {
      throw new Error('The values of env cannot be decrypted: they were encrypted with another ENCRYPTION_KEY', { cause: error });
    }
  }
}

/** A spec whose values of `env` are encrypted, whatever the installation has decided. */
export function sealedContainer(
  box: SecretBox,
  { env, ...rest }: ContainerSpec,
  deploymentId: string,
  values: SecretValuesByName = NO_SECRETS,
): SealedContainer {
  const used = secretsOf(rest).flatMap((name) => {
    const found = values.get(name);
    if (!found) throw new Error(`The value of the secret ${name} is missing`);
    return [[name, found] as const];
  });
  const versions = Object.fromEntries(used.map(([name, { version }]) => [name, version]));
  const spec = { ...rest, envNames: Object.keys(env).sort(), ...(used.length > 0 ? { secretVersions: versions } : {}) };
  const secrets = Object.fromEntries(used.map(([name, { value }]) => [name, value]));
  const content: Content = used.length > 0 ? { env, secrets } : { env };
  return { spec: JSON.stringify(spec satisfies VisibleContainer), sealed: box.seal(JSON.stringify(content), envContext(deploymentId)) };
}

/** The place that encrypted values of `env` are bound to. */
export const envContext = (deploymentId: string): string => `env ${deploymentId}`;

/** SQL for a `StoredContainer`, of the row of a revision. */
export const storedContainerOf = (table: string): string =>
  `${table}.spec || jsonb_build_object('sealed', encode(${table}.env_sealed, 'base64'))`;
