import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fieldOf } from '../../common/field-of';
import { urlOf } from './postgres-server';
import { isPostgresIn } from './process-identity';
import { readPassword } from './postgres-cluster';
import { clusterFolder, homesOf } from './server-home';

/**
 * The address of the embedded database that runs on a data folder now; null when none does. Starts and changes nothing. Throws in
 * words when this account may not look there.
 */
export function runningDatabase(dataDir: string): string | null {
  const real = unlessAbsent(dataDir, () => realpathSync(dataDir));
  if (real === undefined) return null;
  const [inside, beside] = homesOf(real);
  // Only root has its database beside the data folder, and root may look everywhere.
  return runningIn(inside, ABSENT) ?? runningIn(beside, [...ABSENT, 'EACCES']);
}

function runningIn(folder: string, absent: readonly string[]): string | null {
  const cluster = clusterFolder({ folder });
  const file = join(cluster, 'postmaster.pid');
  const lines = unlessAbsent(file, () => readFileSync(file, 'utf8'), absent)?.split('\n');
  if (lines === undefined) return null;
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  return isPostgresIn(pid, cluster) ? urlOf({ password: readPassword({ folder }) }, { port }) : null;
}

const ABSENT: readonly string[] = ['ENOENT', 'ENOTDIR'];

/** Undefined when it is not there, which is something else than a folder into which this account may not look. */
function unlessAbsent<T>(path: string, look: () => T, absent = ABSENT): T | undefined {
  try {
    return look();
  } catch (error) {
    const code = String(fieldOf(error, 'code'));
    if (absent.includes(code)) return undefined;
    throw new Error(`this account may not look into ${path} (${code}): run it as root, or as the account of the program`, {
      cause: error,
    });
  }
}
