import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const VERSION = 1;
const KEY_BYTES = 32;
const KEY_ID_BYTES = 4;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + KEY_ID_BYTES;

/**
 * Encrypts secrets that the program must be able to read again (AES-256-GCM). The bytes begin with a version and the id of
 * the key. `context` names the place of the secret, such as its row: bytes that were moved elsewhere do not open.
 */
export class SecretBox {
  private readonly head: Buffer;

  /** `key` has 32 bytes. */
  constructor(private readonly key: Buffer) {
    if (key.length !== KEY_BYTES) throw new Error(`An encryption key has ${String(KEY_BYTES)} bytes, not ${String(key.length)}`);
    this.head = Buffer.concat([Buffer.from([VERSION]), createHash('sha256').update(key).digest().subarray(0, KEY_ID_BYTES)]);
  }

  seal(secret: string, context: string): Buffer {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.key, iv).setAAD(this.aad(context));
    const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return Buffer.concat([this.head, iv, cipher.getAuthTag(), text]);
  }

  /** Throws in words when it was sealed with another key, and when the bytes or their place have been changed. */
  open(sealed: Buffer, context: string): string {
    if (!sealed.subarray(0, HEAD_BYTES).equals(this.head)) throw new Error('The secret was encrypted with another ENCRYPTION_KEY');
    const [iv, tag] = [sealed.subarray(HEAD_BYTES, HEAD_BYTES + IV_BYTES), HEAD_BYTES + IV_BYTES];
    const decipher = createDecipheriv('aes-256-gcm', this.key, iv, { authTagLength: TAG_BYTES }).setAAD(this.aad(context));
    decipher.setAuthTag(sealed.subarray(tag, tag + TAG_BYTES));
    return Buffer.concat([decipher.update(sealed.subarray(tag + TAG_BYTES)), decipher.final()]).toString('utf8');
  }

  private aad(context: string): Buffer {
    return Buffer.concat([this.head, Buffer.from(context, 'utf8')]);
  }
}
