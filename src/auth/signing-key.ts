import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { requireSecret, type SharedSecret } from '../common/crypto/shared-secret';

const FILE = 'jwt-secret';
const MIN_BYTES = 32;

/** The part of the configuration that says where the secret is. */
interface SecretSource {
  readonly JWT_SECRET?: string;
  readonly DATA_DIR: string;
}

/** Where the signing secret comes from: JWT_SECRET, or else a file in the data folder. */
export const signingSecret = ({ JWT_SECRET, DATA_DIR }: SecretSource): SharedSecret => ({
  path: join(DATA_DIR, FILE),
  name: 'signing secret',
  variable: 'JWT_SECRET',
  given: JWT_SECRET,
  make,
  fault,
});

/**
 * The key that local access tokens are signed with. It is made on first start when nothing gives one.
 * A KeyObject, because jsonwebtoken parses anything else anew for every token. Throws when the kept secret is too short.
 */
export const signingKey = (source: SecretSource): KeyObject => createSecretKey(Buffer.from(requireSecret(signingSecret(source))));

const make = (): string => randomBytes(48).toString('base64url');

const fault = (secret: string): string | undefined =>
  Buffer.byteLength(secret) < MIN_BYTES ? 'is too short: remove the file to get a new one.' : undefined;
