import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const FILE = 'jwt-secret';
const MIN_BYTES = 32;

/**
 * The key that local access tokens are signed with: JWT_SECRET, else the secret kept in the data folder, made on first start.
 * A KeyObject, because jsonwebtoken parses anything else anew for every token. Throws when the kept secret is too short.
 */
export function signingKey({ JWT_SECRET, DATA_DIR }: { JWT_SECRET?: string; DATA_DIR: string }): KeyObject {
  return createSecretKey(Buffer.from(JWT_SECRET ?? keptSecret(DATA_DIR)));
}

/** Several processes may start at once: whoever links its file first has made the secret, and the others read that one. */
function keptSecret(dataDir: string): string {
  const path = join(dataDir, FILE);
  const found = read(path);
  if (found !== undefined) return found;
  mkdirSync(dataDir, { recursive: true });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    write(draft, randomBytes(48).toString('base64url'));
    linkSync(draft, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  const made = read(path);
  if (made === undefined) throw new Error(`The signing secret ${path} vanished while it was made.`);
  return made;
}

function read(path: string): string | undefined {
  try {
    const secret = readFileSync(path, 'utf8').trim();
    if (Buffer.byteLength(secret) < MIN_BYTES)
      throw new Error(`The signing secret ${path} is too short: remove the file to get a new one.`);
    return secret;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function write(path: string, secret: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, secret);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

const codeOf = (error: unknown): unknown => (typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined);
