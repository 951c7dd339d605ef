import { createHash, createPublicKey, verify } from 'node:crypto';

/** What stands before the raw 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo. */
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

/** By which a hello names the key that signed it: the SHA-256 of its raw bytes, in hex. */
export const keyIdOf = (publicKey: Buffer): string => createHash('sha256').update(publicKey).digest('hex');

/** Whether the owner of this raw Ed25519 key has signed the text. False for bytes that are no key. */
export function isSignedBy(publicKey: Buffer, words: string, signature: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.concat([SPKI_HEAD, publicKey]), format: 'der', type: 'spki' });
    return verify(null, Buffer.from(words), key, Buffer.from(signature, 'base64url'));
  } catch {
    return false;
  }
}
