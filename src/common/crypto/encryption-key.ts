import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { SecretBox } from './secret-box';
import { requireSecret, type SharedSecret } from './shared-secret';

const FILE = 'encryption-key';
const KEY_BYTES = 32;

/** The part of the configuration that says where the key is. */
export interface KeySource {
  /** 32 bytes in base64. */
  readonly ENCRYPTION_KEY?: string;
  /** The key of before, while it is being changed; 32 bytes in base64. */
  readonly ENCRYPTION_KEY_PREVIOUS?: string;
  readonly DATA_DIR: string;
}

/** Where the key for secrets in the database comes from: ENCRYPTION_KEY, or else a file in the data folder. */
export const encryptionSecret = ({ ENCRYPTION_KEY, ENCRYPTION_KEY_PREVIOUS, DATA_DIR }: KeySource): SharedSecret => ({
  path: join(DATA_DIR, FILE),
  name: 'encryption key',
  variable: 'ENCRYPTION_KEY',
  given: ENCRYPTION_KEY,
  ...(ENCRYPTION_KEY_PREVIOUS === undefined ? {} : { previous: ENCRYPTION_KEY_PREVIOUS }),
  make,
  fault,
});

/** The key for secrets in the database. It is made on first start when nothing gives one. */
export const encryptionKey = (source: KeySource): Buffer => Buffer.from(requireSecret(encryptionSecret(source)), 'base64');

/** A box with the key, and with the one of before while that is given. */
export const secretBoxOf = (source: KeySource): SecretBox => {
  const { ENCRYPTION_KEY_PREVIOUS: previous } = source;
  return new SecretBox(encryptionKey(source), previous === undefined ? null : Buffer.from(previous, 'base64'));
};

const make = (): string => randomBytes(KEY_BYTES).toString('base64');

const fault = (text: string): string | undefined =>
  Buffer.from(text, 'base64').length === KEY_BYTES
    ? undefined
    : 'is not 32 bytes in base64. Bring back the right file: what it encrypted cannot be read without it.';
