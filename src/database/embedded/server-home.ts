import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { makeFolder } from '../../common/make-folder';

/** The operating system account that PostgreSQL runs as; undefined means the account of this process. */
export type ServerAccount = { uid: number; gid: number } | undefined;

/** Where the server keeps its cluster, password, port and log, and which account it runs as. */
export interface ServerHome {
  folder: string;
  account: ServerAccount;
}

const FALLBACK_ROOT = '/var/lib/fog-compute';
const CLUSTER = 'data';

export const clusterFolder = (home: Pick<ServerHome, 'folder'>): string => join(home.folder, CLUSTER);

/** The folders in which the server's home of a data folder may be. */
export const homesOf = (dataDir: string): readonly [string, string] => [
  join(dataDir, 'postgres'),
  join(FALLBACK_ROOT, createHash('sha256').update(dataDir).digest('hex').slice(0, 16)),
];

/** Whether an embedded database has ever been made for this data folder. */
export function holdsDatabase(dataDir: string): boolean {
  return existsSync(dataDir) && homesOf(realpathSync(dataDir)).some((folder) => existsSync(clusterFolder({ folder })));
}

/** Creates the data folder when it is missing and returns its real path. */
export function openDataFolder(dataDir: string): string {
  const wanted = resolve(dataDir);
  try {
    createFolder(wanted);
    return realpathSync(wanted);
  } catch (error) {
    throw new Error(`The data folder ${wanted} cannot be created (${reasonOf(error)}). Set DATA_DIR to a folder that you can write.`, {
      cause: error,
    });
  }
}

/**
 * Chooses the server's home inside the data folder. PostgreSQL refuses to run as root, so a root process starts it under
 * another account. If that account cannot enter the data folder (in a 0700 home), the cluster goes to a folder under /var/lib
 * instead.
 */
export function openServerHome(dataDir: string, onProgress: (message: string) => void): ServerHome {
  const [inside, fallback] = homesOf(dataDir);
  if (process.getuid?.() !== 0) return { folder: createFolder(inside, 0o700), account: undefined };

  for (const folder of [inside, fallback]) {
    if (!existsSync(join(folder, CLUSTER))) continue;
    if (folder === fallback) onProgress(`The database of ${dataDir} is in ${folder}`);
    return existingHome(folder);
  }

  const account = unprivilegedAccount();
  if (canEnter(dataDir, account)) return { folder: createFolder(inside), account };
  onProgress(`PostgreSQL may not run as root, and another account cannot enter ${dataDir}: the database goes to ${fallback}`);
  createFolder(FALLBACK_ROOT);
  return { folder: createFolder(fallback), account };
}

/** True when the account may pass through every folder on the way to `path`. */
export function canEnter(path: string, account: ServerAccount): boolean {
  if (account === undefined) return true;
  for (let folder = path; ; folder = dirname(folder)) {
    const { uid, gid, mode } = statSync(folder);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

/** An existing cluster keeps its owner. PostgreSQL accepts no other, and an ordinary user may have made it before root came. */
function existingHome(folder: string): ServerHome {
  const { uid, gid } = statSync(join(folder, CLUSTER));
  const account = uid === 0 ? unprivilegedAccount() : { uid, gid };
  if (!canEnter(folder, account)) {
    throw new Error(
      `PostgreSQL runs as user ${account.uid}, who cannot enter ${folder}. ` +
        `Let others pass through the folders above it (chmod o+x), or set DATA_DIR to another folder.`,
    );
  }
  return { folder, account };
}

function unprivilegedAccount(): NonNullable<ServerAccount> {
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = accounts.find(([candidate]) => candidate === name) ?? [];
    if (Number(uid) > 0 && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error(
    'PostgreSQL does not run as root, and there is no account "postgres" or "nobody" to run it as. ' +
      'Start fog-compute as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own.',
  );
}

/** The mode applies whatever the umask is, but only to a folder that this call creates. */
function createFolder(folder: string, mode = 0o755): string {
  if (makeFolder(folder, mode)) chmodSync(folder, mode);
  return folder;
}

const reasonOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);
