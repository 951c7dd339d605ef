import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, escapeIdentifier } from 'pg';
import { SERVER_ENVIRONMENT, SUPERUSER, type Cluster } from './postgres-cluster';
import { postgresCode } from '../postgres-error';
import { isAlive, isPostgresIn, isTaken } from './process-identity';
import { choosePort, rememberPort } from './server-port';

/** A PostgreSQL that answers. */
export interface RunningServer {
  pid: number;
  port: number;
  /** True when the server was already running, because an earlier fog-compute died without stopping it. */
  adopted: boolean;
}

export interface ServerOptions {
  /** Server settings on top of ours, for tests. */
  settings?: Record<string, string>;
  /** Insists on this port. Without it the server takes the port of the last start if that is free, otherwise any free one. */
  port?: number;
}

const HOST = '127.0.0.1';
const DATABASE = 'fog_compute';
const MAX_ATTEMPTS = 20;
const READY_WITHIN_MS = 120_000;
const FAST_STOP_MS = 30_000;
const HARD_STOP_MS = 10_000;
const MAX_LOG_BYTES = 10_000_000;

/** The durability settings are written out, so that an edited postgresql.conf cannot switch them off. */
const SETTINGS = {
  listen_addresses: HOST,
  unix_socket_directories: '',
  max_connections: '100',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
};

/** Takes over the server that runs on this cluster or starts one, and waits until it answers. */
export async function runServer(cluster: Cluster, options: ServerOptions = {}): Promise<RunningServer> {
  const found = findRunning(cluster);
  if (found && (await isReady(cluster, found))) return { ...found, adopted: true };

  for (let attempt = 1; ; attempt++) {
    const { server, words } = await launch(cluster, options);
    if (server) return server;
    const passing = /Address already in use|pre-existing shared memory block|lock file .* already exists/.test(words);
    if (!passing || attempt === MAX_ATTEMPTS) throw new Error(failedToStart(cluster, words));
    await sleep(250);
  }
}

/** Disconnects every client, writes everything to disk, and returns when the process has ended. */
export async function stopServer(cluster: Cluster, { pid }: RunningServer): Promise<void> {
  for (const [signal, withinMs] of [
    ['SIGINT', FAST_STOP_MS],
    ['SIGQUIT', HARD_STOP_MS],
  ] as const) {
    if (!isAlive(pid)) return;
    send(pid, signal);
    if (await isGone(pid, withinMs)) return;
  }
  throw new Error(`PostgreSQL (pid ${pid}) does not stop. See ${logFile(cluster)}; kill -9 ${pid} is safe, its next start recovers.`);
}

export const urlOf = ({ password }: Pick<Cluster, 'password'>, { port }: Pick<RunningServer, 'port'>): string =>
  `postgres://${SUPERUSER}:${password}@${HOST}:${port}/${DATABASE}`;

function findRunning(cluster: Cluster): Omit<RunningServer, 'adopted'> | undefined {
  const file = join(cluster.folder, 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  const lines = readFileSync(file, 'utf8').split('\n');
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  if (isPostgresIn(pid, cluster.folder)) return { pid, port };
  if (!(pid > 0) || isTaken(pid)) rmSync(file); // left by a crash; PostgreSQL itself refuses to start while the id is in use
  return undefined;
}

async function launch(cluster: Cluster, options: ServerOptions): Promise<{ server?: RunningServer; words: string }> {
  const port = options.port ?? (await choosePort(cluster.home.folder, HOST));
  const log = openLog(cluster);
  const settings = Object.entries({ ...SETTINGS, ...options.settings }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawn(cluster.binaries.postgres, ['-D', cluster.folder, '-p', String(port), ...settings], {
    ...cluster.home.account,
    cwd: cluster.home.folder,
    env: SERVER_ENVIRONMENT,
    stdio: ['ignore', log.handle, log.handle],
    detached: true, // Ctrl-C is for fog-compute, which stops the server after its own work
  });
  closeSync(log.handle);
  await once(child, 'spawn').catch((error: unknown) => {
    throw new Error(failedToStart(cluster, String(error)), { cause: error });
  });
  child.unref();
  const server = { pid: child.pid ?? 0, port, adopted: false };
  try {
    if (!(await isReady(cluster, server))) return { words: readFileSync(logFile(cluster)).subarray(log.size).toString('utf8') };
    rememberPort(cluster.home.folder, port);
    return { server, words: '' };
  } catch (error) {
    child.kill('SIGQUIT');
    throw error;
  }
}

/** Waits for the first connection; false when the process ended before that. */
async function isReady(cluster: Cluster, { pid, port }: Omit<RunningServer, 'adopted'>): Promise<boolean> {
  let last: unknown;
  const end = performance.now() + READY_WITHIN_MS;
  while (performance.now() < end) {
    if (!isAlive(pid)) return false;
    try {
      await ensureDatabase(cluster, port);
      return true;
    } catch (error) {
      last = error;
      if (postgresCode(error) === '28P01') throw new Error(wrongPassword(cluster), { cause: error });
    }
    await sleep(40);
  }
  throw new Error(failedToStart(cluster, String(last)), { cause: last });
}

async function ensureDatabase({ password }: Cluster, port: number): Promise<void> {
  const client = new Client({
    host: HOST,
    port,
    user: SUPERUSER,
    password,
    database: 'postgres',
    connectionTimeoutMillis: 5_000,
    ssl: false,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${escapeIdentifier(DATABASE)}`);
  } finally {
    client.end().catch(() => undefined);
  }
}

const logFile = ({ home }: Cluster): string => join(home.folder, 'server.log');

function openLog(cluster: Cluster): { handle: number; size: number } {
  const file = logFile(cluster);
  if (existsSync(file) && statSync(file).size > MAX_LOG_BYTES) renameSync(file, `${file}.1`);
  const handle = openSync(file, 'a', 0o600);
  return { handle, size: statSync(file).size };
}

function send(pid: number, signal: 'SIGINT' | 'SIGQUIT'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function isGone(pid: number, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  while (performance.now() < end) {
    if (!isAlive(pid)) return true;
    await sleep(20);
  }
  return !isAlive(pid);
}

const failedToStart = (cluster: Cluster, words: string): string =>
  `PostgreSQL did not start: ${words.trim().split('\n').slice(-5).join('\n') || 'it said nothing'}\n` +
  `Its log is ${logFile(cluster)}. Put that right and start again, or set DATABASE_URL to a PostgreSQL of your own.`;

const wrongPassword = ({ home }: Cluster): string =>
  `The password in ${join(home.folder, 'password')} is not that of the database beside it. ` +
  'Restore both from the same backup, or set DATA_DIR to another folder to begin anew.';
