import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { decrypt, encrypt, type Binding } from '../common/crypto/authenticated-encryption';

/**
 * What is stored under an idempotency key is protected by the key itself. The row holds only a hash of the key, an HMAC
 * of the request, and the encrypted answer; the keys for both are derived from the idempotency key. So a dump of the
 * table shows no one-time tokens in answers, a short body cannot be guessed, and processes need no shared secret. This
 * is only as strong as the key of the client is hard to guess; we tell clients to use a random UUID.
 */
export interface KeyMaterial {
  /** The hash by which the row is found. */
  readonly keyHash: string;
  readonly requestKey: Buffer;
  readonly answerKey: Buffer;
}

export function keyMaterial(scope: string, key: string): KeyMaterial {
  const derive = (purpose: string): Buffer => Buffer.from(hkdfSync('sha256', key, scope, `fog-compute idempotency ${purpose}`, 32));
  return {
    keyHash: createHash('sha256').update(`${scope}\0${key}`).digest('hex'),
    requestKey: derive('request'),
    answerKey: derive('answer'),
  };
}

export function seal(value: unknown, answerKey: Buffer): Buffer {
  return encrypt(JSON.stringify(value), bindingOf(answerKey));
}

/** Decrypts an answer. Throws when it was not encrypted under this key. */
export function unseal(sealed: Buffer, answerKey: Buffer): unknown {
  return JSON.parse(decrypt(sealed, bindingOf(answerKey))) as unknown;
}

/** The key belongs to one row, and its bytes are kept for a day, so they need no version and no name of their place. */
const bindingOf = (answerKey: Buffer): Binding => ({ key: answerKey, head: Buffer.alloc(0), context: '' });

/** Identifies a request by its method, its path with the query, and its body, whatever the order of keys in it. */
export function hashRequest(request: { method: string; url: string; body: unknown }, requestKey: Buffer): string {
  const text = JSON.stringify([request.method, request.url, canonical(request.body)]);
  return createHmac('sha256', requestKey).update(text).digest('hex');
}

/** Bodies are at most twenty levels deep, so recursion is safe here. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return ['array', ...value.map(canonical)];
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, member]) => [key, canonical(member)]);
}
