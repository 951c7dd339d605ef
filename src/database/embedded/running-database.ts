import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { urlOf } from './postgres-server';
import { isPostgresIn } from './process-identity';
import { readPassword } from './postgres-cluster';
import { clusterFolder, homesOf } from './server-home';

/** The address of the embedded database that runs on a data folder now; null when none does. Starts and changes nothing. */
export function runningDatabase(dataDir: string): string | null {
  if (!existsSync(dataDir)) return null;
  for (const folder of homesOf(realpathSync(dataDir))) {
    const cluster = clusterFolder({ folder });
    const file = join(cluster, 'postmaster.pid');
    if (!existsSync(file)) continue;
    const lines = readFileSync(file, 'utf8').split('\n');
    const [pid, port] = [Number(lines[0]), Number(lines[3])];
    if (isPostgresIn(pid, cluster)) return urlOf({ password: readPassword({ folder }) }, { port });
  }
  return null;
}
