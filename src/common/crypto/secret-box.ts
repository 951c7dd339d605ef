import { createHash } from 'node:crypto';
import { decrypt, encrypt, type Binding } from './authenticated-encryption';

const VERSION = 1;
const KEY_BYTES = 32;
const KEY_ID_BYTES = 4;

/**
 * Encrypts secrets that the program must be able to read again, all under one key. The bytes begin with a version and
 * the id of the key. `context` names where the secret is kept, such as its row: bytes that were moved elsewhere cannot
 * be opened.
 */
export class SecretBox {
  private readonly head: Buffer;

  /** `key` has 32 bytes. */
  constructor(private readonly key: Buffer) {
    if (key.length !== KEY_BYTES) throw new Error(`An encryption key has ${String(KEY_BYTES)} bytes, not ${String(key.length)}`);
    this.head = Buffer.concat([Buffer.from([VERSION]), createHash('sha256').update(key).digest().subarray(0, KEY_ID_BYTES)]);
  }

  seal(secret: string, context: string): Buffer {
    return encrypt(secret, this.binding(context));
  }

  /** Throws in words when it was sealed with another key, and when the bytes or their place have been changed. */
  open(sealed: Buffer, context: string): string {
    if (!sealed.subarray(0, this.head.length).equals(this.head)) throw new Error('The secret was encrypted with another ENCRYPTION_KEY');
    return decrypt(sealed, this.binding(context));
  }

  private binding(context: string): Binding {
    return { key: this.key, head: this.head, context };
  }
}
