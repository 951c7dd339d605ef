import type { SecretUse } from '../deployments/secret-uses.repository';
import type { SecretView } from '../secrets/secrets.repository';

/** A secret with what uses it. */
export type UsedSecret = SecretView & SecretUse;

/** What setting a secret has done. */
export interface PutSecret {
  readonly secret: UsedSecret;
  /** How many deployments got a new revision. */
  readonly restarted: number;
}

export const SECRET_CHANGES = ['created', 'changed', 'unchanged'] as const;
export type SecretChange = (typeof SECRET_CHANGES)[number];

/** What setting a secret would do. */
export interface SecretPreview {
  readonly result: SecretChange;
  /** The version that it would have. */
  readonly version: number;
  /** How many deployments would have another value with their next revision. */
  readonly outdated: number;
  /** Those that one request would restart. */
  readonly restarts: readonly string[];
}
