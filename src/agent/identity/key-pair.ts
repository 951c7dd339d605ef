import { createHash, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';

/** An Ed25519 key pair as it is kept: the raw public key as base64url, the private one as PKCS 8 in base64. */
export interface KeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
  /** By the clock of the machine, ISO 8601. */
  readonly madeAt: string;
}

export function makeKeyPair(now: Date): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return {
    publicKey: publicKey.export({ format: 'jwk' }).x ?? '',
    privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'),
    madeAt: now.toISOString(),
  };
}

/** The name of a key in a hello: the SHA-256 of its raw bytes, hex. */
export const keyIdOf = ({ publicKey }: KeyPair): string => createHash('sha256').update(Buffer.from(publicKey, 'base64url')).digest('hex');

/** The signature of the text, base64url. */
export const signedBy = ({ privateKey }: KeyPair, text: string): string =>
  sign(null, Buffer.from(text), createPrivateKey({ key: Buffer.from(privateKey, 'base64'), format: 'der', type: 'pkcs8' })).toString(
    'base64url',
  );
