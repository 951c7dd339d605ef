import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { decrypt, encrypt, type Binding } from '../common/crypto/authenticated-encryption';

/**
 * Everything that is stored under an idempotency key is protected by the key itself: the row holds only its hash, the
 * request as an HMAC and the answer encrypted, both under keys derived from it. So a dump of the table shows neither
 * one-time tokens in answers nor lets a short body be guessed, and no server secret has to be shared by the processes.
 * This is as strong as the client's key is unguessable; a random UUID is what we document.
 */
export interface KeyMaterial {
  /** What the table is searched by. */
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

/** Throws when the bytes were not sealed under this key. */
export function unseal(sealed: Buffer, answerKey: Buffer): unknown {
  return JSON.parse(decrypt(sealed, bindingOf(answerKey))) as unknown;
}

/** The key belongs to one row and its bytes live for a day, so they need neither a version nor the name of their place. */
const bindingOf = (answerKey: Buffer): Binding => ({ key: answerKey, head: Buffer.alloc(0), context: '' });

/** Identifies a request: method, path with query, and the body whatever the order of its keys. */
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
