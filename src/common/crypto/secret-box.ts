import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { DomainError } from '../problem/domain-error';
import { decrypt, encrypt, type Binding } from './authenticated-encryption';

const VERSION = 1;
const KEY_BYTES = 32;
const KEY_ID_BYTES = 4;
const FINGERPRINT_LENGTH = 32;
const REPLACED_RETRY_SECONDS = 10;

/** What is wrong with a process whose keys were replaced, and what to do. */
export const KEY_REPLACED = 'The encryption key was changed, and this process does not have the new one: start it again with that';

/** A key and what is derived from it. */
class BoxKey {
  /** What all bytes begin with that it encrypts: a version and the id of the key. */
  readonly head: Buffer;
  readonly fingerprintKey: Buffer;

  constructor(readonly bytes: Buffer) {
    if (bytes.length !== KEY_BYTES) throw new Error(`An encryption key has ${String(KEY_BYTES)} bytes, not ${String(bytes.length)}`);
    this.fingerprintKey = Buffer.from(hkdfSync('sha256', bytes, '', 'fingerprints', KEY_BYTES));
    this.head = Buffer.concat([Buffer.from([VERSION]), createHash('sha256').update(bytes).digest().subarray(0, KEY_ID_BYTES)]);
  }

  /** Tells keys apart, and nothing of them: an unsigned number of four bytes. */
  get id(): number {
    return this.head.readUInt32BE(1);
  }
}

/**
 * Encrypts secrets that the program must be able to read again. The bytes begin with a version and the id of the key. `context` names where
 * the secret is kept, such as its row: bytes that were moved elsewhere cannot be opened. While the key is being changed there is a previous
 * one, too: both are read, and the previous one encrypts until `sealWith` says otherwise. What is encrypted with a key that does not
 * count any more is lost on everybody else, so a box whose keys were replaced encrypts nothing.
 */
export class SecretBox {
  private readonly key: BoxKey;
  private readonly previous: BoxKey | null;
  private sealing: BoxKey;
  private isReplaced = false;

  /** Keys have 32 bytes. */
  constructor(key: Buffer, previous: Buffer | null = null) {
    this.key = new BoxKey(key);
    this.previous = previous && !previous.equals(key) ? new BoxKey(previous) : null;
    this.sealing = this.previous ?? this.key;
  }

  /** The ids of the keys that are read. */
  get keyIds(): readonly number[] {
    return this.keys.map(({ id }) => id);
  }

  /** The id of the key that encrypts. */
  get sealsWith(): number {
    return this.sealing.id;
  }

  /** The first bytes of what the present key encrypts. */
  get head(): Buffer {
    return this.key.head;
  }

  /** False: neither of its keys counts any more. */
  get canSeal(): boolean {
    return !this.isReplaced;
  }

  /** From now on this one of the two keys encrypts, or none. */
  sealWith(which: 'present' | 'previous' | 'none'): void {
    this.isReplaced = which === 'none';
    if (which !== 'none') this.sealing = which === 'previous' && this.previous ? this.previous : this.key;
  }

  /** Throws `try_again` when its keys were replaced: another process may have the key that counts. */
  seal(secret: string, context: string): Buffer {
    if (this.isReplaced) throw new DomainError('try_again', KEY_REPLACED, { retryAfterSeconds: REPLACED_RETRY_SECONDS });
    return encrypt(secret, bindingOf(this.sealing, context));
  }

  /** Throws in words when it was sealed with another key, and when the bytes or their place have been changed. */
  open(sealed: Buffer, context: string): string {
    const key = this.keys.find(({ head }) => sealed.subarray(0, head.length).equals(head));
    if (!key) throw new Error('The secret was encrypted with another ENCRYPTION_KEY');
    return decrypt(sealed, bindingOf(key, context));
  }

  /** Null instead of an error. */
  openOrNull(sealed: Buffer, context: string): string | null {
    try {
      return this.open(sealed, context);
    } catch {
      return null;
    }
  }

  /**
   * A text that is the same for the same secret in the same place and tells nothing else of it: without the key not even a short
   * secret can be found by trying.
   */
  fingerprint(secret: string, context: string): string {
    return fingerprintOf(this.sealing, secret, context);
  }

  /** What `fingerprint` gives, and what it gave, or will give, with the other key. */
  fingerprints(secret: string, context: string): string[] {
    return this.keys.map((key) => fingerprintOf(key, secret, context));
  }

  private get keys(): readonly BoxKey[] {
    return this.previous ? [this.key, this.previous] : [this.key];
  }
}

const bindingOf = ({ bytes, head }: BoxKey, context: string): Binding => ({ key: bytes, head, context });

const fingerprintOf = ({ fingerprintKey }: BoxKey, secret: string, context: string): string =>
  createHmac('sha256', fingerprintKey)
    .update(JSON.stringify([context, secret]))
    .digest('hex')
    .slice(0, FINGERPRINT_LENGTH);
