import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export interface SecretFile {
  readonly path: string;
  /** As errors call it, such as `signing secret`. */
  readonly name: string;
  readonly make: () => string;
  /** Why the text of a file cannot be used; undefined: it can. */
  readonly fault: (secret: string) => string | undefined;
}

/**
 * The secret in a file that only its owner can read, made on first use. Throws in words when the file cannot be used.
 * When several processes start at once, the first to link its file makes the secret, and the others read that one.
 */
export function keptSecret(file: SecretFile): string {
  const found = read(file);
  if (found !== undefined) return found;
  mkdirSync(dirname(file.path), { recursive: true });
  const draft = `${file.path}.${randomBytes(6).toString('hex')}`;
  try {
    write(draft, file.make());
    linkSync(draft, file.path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  const made = read(file);
  if (made === undefined) throw new Error(`The ${file.name} ${file.path} vanished while it was made.`);
  return made;
}

function read({ path, name, fault }: SecretFile): string | undefined {
  try {
    const secret = readFileSync(path, 'utf8').trim();
    const words = fault(secret);
    if (words !== undefined) throw new Error(`The ${name} ${path} ${words}`);
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
