import { scryptSync } from 'node:crypto';
import { keptSecret, readSecret, type SecretFile } from './kept-secret';

const FINGERPRINT_BYTES = 32;

/** A secret that all processes of an installation need to share, and where this process has it from. */
export interface SharedSecret extends SecretFile {
  /** What the variable says; undefined: the file counts. */
  readonly given: string | undefined;
  /** What it was until now, while it is being changed and this process knows both. */
  readonly previous?: string;
}

/** Undefined when this process has none yet. */
export const findSecret = (secret: SharedSecret): string | undefined => secret.given ?? readSecret(secret);

/** The secret, which is made and kept in its file when there is none yet. */
export const requireSecret = (secret: SharedSecret): string => secret.given ?? keptSecret(secret);

/**
 * Tells two secrets apart and nothing of either. It is slow to compute, because a secret that people made up could be guessed
 * from it otherwise. `salt` is that of one secret of one installation.
 */
export const fingerprintOf = (secret: string, salt: string): Buffer => scryptSync(secret, salt, FINGERPRINT_BYTES);
