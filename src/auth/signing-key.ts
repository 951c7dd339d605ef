import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { keptSecret } from '../common/crypto/kept-secret';

const FILE = 'jwt-secret';
const MIN_BYTES = 32;

/**
 * The key that local access tokens are signed with: JWT_SECRET, else the secret kept in the data folder, made on first start.
 * A KeyObject, because jsonwebtoken parses anything else anew for every token. Throws when the kept secret is too short.
 */
export function signingKey({ JWT_SECRET, DATA_DIR }: { JWT_SECRET?: string; DATA_DIR: string }): KeyObject {
  const secret = JWT_SECRET ?? keptSecret({ path: join(DATA_DIR, FILE), name: 'signing secret', make, fault });
  return createSecretKey(Buffer.from(secret));
}

const make = (): string => randomBytes(48).toString('base64url');

const fault = (secret: string): string | undefined =>
  Buffer.byteLength(secret) < MIN_BYTES ? 'is too short: remove the file to get a new one.' : undefined;
