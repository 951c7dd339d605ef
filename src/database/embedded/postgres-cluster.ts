import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { PostgresBinaries } from './postgres-binaries';
import { clusterFolder, type ServerHome } from './server-home';

/** An initialised database cluster and what is needed to run and reach it. */
export interface Cluster {
  home: ServerHome;
  binaries: PostgresBinaries;
  /** The folder that PostgreSQL calls its data directory. */
  folder: string;
  password: string;
}

export const SUPERUSER = 'fog';

/** Programs get only this environment: PG* variables of the caller must not reach the server, and messages stay English. */
export const SERVER_ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/** Opens the cluster of this home or creates it. A first start that is interrupted leaves nothing that looks like a cluster. */
export async function openCluster(home: ServerHome, binaries: PostgresBinaries, onProgress: (message: string) => void): Promise<Cluster> {
  const folder = clusterFolder(home);
  if (existsSync(folder)) {
    refuseOtherVersion(folder, binaries.major);
    return { home, binaries, folder, password: readPassword(home) };
  }
  onProgress(`Preparing a PostgreSQL ${binaries.major} in ${home.folder} (first start only)`);
  const password = makePassword(home);
  await initialise(home, binaries, password);
  return { home, binaries, folder, password };
}

function refuseOtherVersion(folder: string, major: string): void {
  const found = readOwn(join(folder, 'PG_VERSION')).trim();
  if (found === major) return;
  throw new Error(
    `The database in ${folder} was written by PostgreSQL ${found}, and this fog-compute brings PostgreSQL ${major}. ` +
      `Move the data with pg_dump and pg_restore of version ${found}, or set DATA_DIR to another folder to begin anew.`,
  );
}

const passwordFile = (home: Pick<ServerHome, 'folder'>): string => join(home.folder, 'password');

/** Throws in words when the file is missing or belongs to another account. */
export function readPassword(home: Pick<ServerHome, 'folder'>): string {
  if (existsSync(passwordFile(home))) return readOwn(passwordFile(home)).trim();
  throw new Error(
    `The password file ${passwordFile(home)} is missing. Restore it from a backup, or set DATA_DIR to another folder to begin anew.`,
  );
}

function makePassword(home: ServerHome): string {
  if (!existsSync(passwordFile(home))) {
    writeFileSync(passwordFile(home), `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600, flag: 'wx', flush: true });
  }
  return readPassword(home);
}

async function initialise(home: ServerHome, binaries: PostgresBinaries, password: string): Promise<void> {
  const draft = join(home.folder, 'data.draft');
  const passwordCopy = join(home.folder, 'password.draft');
  rmSync(draft, { recursive: true, force: true });
  rmSync(passwordCopy, { force: true });
  mkdirSync(draft, { mode: 0o700 });
  writeFileSync(passwordCopy, `${password}\n`, { mode: 0o600, flag: 'wx' });
  try {
    for (const path of home.account ? [draft, passwordCopy] : []) chownSync(path, home.account?.uid ?? -1, home.account?.gid ?? -1);
    await initdb(home, binaries, ['-D', draft, `--pwfile=${passwordCopy}`]);
    renameSync(draft, clusterFolder(home));
    flushFolder(home.folder);
  } finally {
    rmSync(passwordCopy, { force: true });
  }
}

/** What initdb says where the account has no line in /etc/passwd. */
const NO_ACCOUNT = /could not look up effective user ID (\d+)/;

/** The builtin locale sorts alike on every platform and does not change with the C library. */
async function initdb(home: ServerHome, { initdb: program }: PostgresBinaries, paths: string[]): Promise<void> {
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const access = [`--username=${SUPERUSER}`, '--auth=scram-sha-256'];
  try {
    await promisify(execFile)(program, [...paths, ...access, ...locale, '--no-instructions'], {
      ...home.account,
      cwd: home.folder,
      env: SERVER_ENVIRONMENT,
    });
  } catch (error) {
    const said = ((error as { stderr?: string }).stderr ?? '').trim() || String(error);
    const [, uid] = NO_ACCOUNT.exec(said) ?? [];
    if (uid !== undefined) {
      throw new Error(
        `PostgreSQL needs an account with a name, and uid ${uid} has no line in /etc/passwd. ` +
          'Start fog-compute under another account, or set DATABASE_URL to a PostgreSQL of your own.',
        { cause: error },
      );
    }
    throw new Error(
      `PostgreSQL could not make its data folder in ${home.folder}: ${said}\n` +
        'Put that right, set DATA_DIR to another folder, or set DATABASE_URL to a PostgreSQL of your own.',
      { cause: error },
    );
  }
}

function readOwn(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    throw new Error(
      `${file} belongs to another user. Start fog-compute as the user who made it (or as root), or set DATA_DIR to another folder.`,
      { cause: error },
    );
  }
}

/**
 * Without this a power cut right after the first start could undo the rename. Windows cannot open folders and needs it less.
 */
function flushFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  fsyncSync(handle);
  closeSync(handle);
}
