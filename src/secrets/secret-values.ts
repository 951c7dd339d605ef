import { Injectable } from '@nestjs/common';
import { SecretBox } from '../common/crypto/secret-box';
import type { Tx } from '../database/transaction';
import { SecretsRepository } from './secrets.repository';

interface SecretValue {
  readonly version: number;
  readonly value: string;
}

export type SecretValuesByName = ReadonlyMap<string, SecretValue>;

/** For what uses no secrets. */
export const NO_SECRETS: SecretValuesByName = new Map();

/** The values of secrets, for what is deployed with them. */
@Injectable()
export class SecretValues {
  constructor(
    private readonly secrets: SecretsRepository,
    private readonly box: SecretBox,
  ) {}

  seal(value: string, projectId: string, name: string): Buffer {
    return this.box.seal(value, secretContext(projectId, name));
  }

  /** Throws in words when it cannot be decrypted. */
  open(sealed: Buffer, projectId: string, name: string): string {
    try {
      return this.box.open(sealed, secretContext(projectId, name));
    } catch (error) {
      throw new Error(`The secret ${name} cannot be decrypted: it was encrypted with another ENCRYPTION_KEY. Set it again`, {
        cause: error,
      });
    }
  }

  /**
   * Those of the names that the project has, with one statement, or none where nothing is named. `keep`: until the transaction ends they
   * neither change nor go.
   */
  async of(tx: Tx, projectId: string, names: readonly string[], { keep }: { readonly keep: boolean }): Promise<SecretValuesByName> {
    if (names.length === 0) return NO_SECRETS;
    const rows = await this.secrets.values(tx, projectId, [...new Set(names)], { keep });
    return new Map(rows.map(({ name, version, sealed }) => [name, { version, value: this.open(sealed, projectId, name) }]));
  }
}

/** The place that the encrypted value of a secret is bound to. */
export const secretContext = (projectId: string, name: string): string => `secret ${projectId} ${name}`;
