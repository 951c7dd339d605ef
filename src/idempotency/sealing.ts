import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';

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

const IV_BYTES = 12;
const TAG_BYTES = 16;

export function keyMaterial(scope: string, key: string): KeyMaterial {
  const derive = (purpose: string): Buffer => Buffer.from(hkdfSync('sha256', key, scope, `fog-compute idempotency ${purpose}`, 32));
  return {
    keyHash: createHash('sha256').update(`${scope}\0${key}`).digest('hex'),
    requestKey: derive('request'),
    answerKey: derive('answer'),
  };
}

export function seal(value: unknown, answerKey: Buffer): Buffer {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', answerKey, iv);
  const text = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), text]);
}

/** Throws when the bytes were not sealed under this key. */
export function unseal(sealed: Buffer, answerKey: Buffer): unknown {
  const decipher = createDecipheriv('aes-256-gcm', answerKey, sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  const text = Buffer.concat([decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
  return JSON.parse(text.toString('utf8')) as unknown;
}

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
