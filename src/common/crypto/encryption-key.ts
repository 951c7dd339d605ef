import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { keptSecret } from './kept-secret';

const FILE = 'encryption-key';
const KEY_BYTES = 32;

/** The part of the configuration that says where the key is. */
export interface KeySource {
  /** 32 bytes in base64. */
  readonly ENCRYPTION_KEY?: string;
  readonly DATA_DIR: string;
}

/** The key for secrets in the database: ENCRYPTION_KEY, or else a key in the data folder, which is made on first start. */
export function encryptionKey({ ENCRYPTION_KEY, DATA_DIR }: KeySource): Buffer {
  const text = ENCRYPTION_KEY ?? keptSecret({ path: join(DATA_DIR, FILE), name: 'encryption key', make, fault });
  return Buffer.from(text, 'base64');
}

const make = (): string => randomBytes(KEY_BYTES).toString('base64');

const fault = (text: string): string | undefined =>
  Buffer.from(text, 'base64').length === KEY_BYTES
    ? undefined
    : 'is not 32 bytes in base64. Bring back the right file: what it encrypted cannot be read without it.';
