import { randomBytes } from 'node:crypto';
import { accessSync, closeSync, constants, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { fieldOf } from '../field-of';
import { makeFolder } from '../make-folder';

export interface SecretFile {
  readonly path: string;
  /** As errors call it, such as `signing secret`. */
  readonly name: string;
  /** The variable that gives the secret instead. */
  readonly variable: string;
  readonly make: () => string;
  /** Why the text of a file cannot be used; undefined: it can. */
  readonly fault: (secret: string) => string | undefined;
}

/** The secret in a file, or undefined when there is no such file. Throws in words when the file cannot be used. */
export function readSecret(file: SecretFile): string | undefined {
  const secret = contentOf(file);
  const words = secret === undefined ? undefined : file.fault(secret);
  if (words !== undefined) throw new Error(`The ${file.name} ${file.path} ${words}`);
  return secret;
}

/**
 * The secret in a file that only its owner can read, made on first use. Throws in words when the file cannot be used.
 * When several processes start at once, the first to link its file makes the secret, and the others read that one.
 */
export function keptSecret(file: SecretFile): string {
  const found = readSecret(file);
  if (found !== undefined) return found;
  try {
    link(file);
  } catch (error) {
    throw cannotUse(file, 'kept', error);
  }
  const made = readSecret(file);
  if (made === undefined) throw new Error(`The ${file.name} ${file.path} vanished while it was made.`);
  return made;
}

/** Throws in words, for all of them at once, when files can neither be read nor be made. Makes their folders, and no secret. */
export function prepareSecrets(files: readonly SecretFile[]): void {
  const faults = files.flatMap((file) => faultOf(() => prepare(file)));
  if (faults.length > 0) throw new Error(faults.map(({ message }) => message).join('\n'), { cause: faults[0] });
}

function faultOf(work: () => void): Error[] {
  try {
    work();
    return [];
  } catch (error) {
    return [error instanceof Error ? error : new Error(String(error))];
  }
}

function prepare(file: SecretFile): void {
  if (readSecret(file) !== undefined) return;
  try {
    makeFolder(dirname(file.path));
    accessSync(dirname(file.path), constants.W_OK);
  } catch (error) {
    throw cannotUse(file, 'kept', error);
  }
}

function contentOf(file: SecretFile): string | undefined {
  try {
    return readFileSync(file.path, 'utf8').trim();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw cannotUse(file, 'read', error);
  }
}

function link(file: SecretFile): void {
  makeFolder(dirname(file.path));
  const draft = `${file.path}.${randomBytes(6).toString('hex')}`;
  try {
    write(draft, file.make());
    linkSync(draft, file.path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
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

const cannotUse = ({ name, path, variable }: SecretFile, verb: 'kept' | 'read', error: unknown): Error =>
  new Error(
    `The ${name} cannot be ${verb} in ${path} (${String(codeOf(error))}). Set ${variable}, or set DATA_DIR to a folder that this account can write.`,
    { cause: error },
  );

const codeOf = (error: unknown): unknown => fieldOf(error, 'code');
