import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/database/embedded/embedded-postgres';
import { isAlive } from '../../src/database/embedded/process-identity';
import { until } from '../support/until';

const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write('\nSKIPPED: what PostgreSQL does for root: these tests do not run as root\n\n');
const started: EmbeddedPostgres[] = [];
const children: ChildProcess[] = [];
let scratch: string;
let dataDir: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'fog-embedded-'));
  chmodSync(scratch, 0o755); // as root, PostgreSQL runs as another account
  dataDir = join(scratch, 'data folder');
});

afterEach(async () => {
  for (const server of started.splice(0)) await server.stop().catch(() => undefined);
  for (const child of children.splice(0)) child.kill('SIGKILL');
  const orphan = existsSync(pidFile()) ? serverPid() : undefined;
  if (orphan !== undefined && isAlive(orphan)) process.kill(orphan, 'SIGQUIT');
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
});

const start = async (folder = dataDir, onProgress?: (message: string) => void): Promise<EmbeddedPostgres> => {
  const server = await startEmbeddedPostgres({ dataDir: folder, ...(onProgress && { onProgress }) });
  started.push(server);
  return server;
};

const pidFile = (): string => join(dataDir, 'postgres', 'data', 'postmaster.pid');
const serverPid = (): number => Number(readFileSync(pidFile(), 'utf8').split('\n')[0]);
const portOf = (url: string): number => Number(new URL(url).port);

const query = async (url: string, sql: string): Promise<Record<string, unknown>[]> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
};

/** Another Node process that holds the data folder. */
const startChild = async (): Promise<{ child: ChildProcess; url: string; adopted: boolean }> => {
  const script = join(__dirname, '../support/start-embedded-postgres.ts');
  const child = spawn(process.execPath, ['-r', '@swc-node/register', script, dataDir], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let said = '';
  child.stdout.on('data', (text: Buffer) => (said += text.toString()));
  child.stderr.on('data', (text: Buffer) => (said += text.toString()));
  await until(() => said.includes('\n'), { what: 'the other process to start PostgreSQL' });
  return { child, ...(JSON.parse(said) as { url: string; adopted: boolean }) };
};

const kill = async (child: ChildProcess): Promise<void> => {
  child.kill('SIGKILL');
  await once(child, 'exit');
};

describe('startEmbeddedPostgres', () => {
  it('starts PostgreSQL 18 with durable settings, reachable from this machine with the password only', async () => {
    const server = await start();
    expect(server.adopted).toBe(false);
    const [settings] = await query(
      server.url,
      `SELECT current_setting('server_version_num')::int / 10000 AS major, current_setting('fsync') AS fsync,
              current_setting('synchronous_commit') AS commit, current_setting('full_page_writes') AS pages,
              current_setting('listen_addresses') AS listen, current_setting('max_connections') AS connections,
              current_setting('password_encryption') AS passwords, current_setting('unix_socket_directories') AS sockets`,
    );
    expect(settings).toEqual({
      major: 18,
      fsync: 'on',
      commit: 'on',
      pages: 'on',
      listen: '127.0.0.1',
      connections: '100',
      passwords: 'scram-sha-256',
      sockets: '',
    });
    expect(statSync(join(dataDir, 'postgres', 'password')).mode & 0o777).toBe(0o600);
    const stranger = new URL(server.url);
    stranger.password = 'guess';
    await expect(query(stranger.toString(), 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  });

  it('keeps data and port over a stop and a start, and is down when stop returns', async () => {
    const first = await start();
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const pid = serverPid();
    await first.stop();
    expect(isAlive(pid)).toBe(false);
    await expect(query(first.url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });

    const second = await start();
    expect(second.url).toBe(first.url);
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('takes another port when its last one is taken', async () => {
    const first = await start();
    await first.stop();
    const squatter = createServer().listen(portOf(first.url), '127.0.0.1');
    await once(squatter, 'listening');
    try {
      const second = await start();
      expect(portOf(second.url)).not.toBe(portOf(first.url));
      expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    } finally {
      squatter.close();
    }
  });

  it('takes over the server of a killed process, with its data', async () => {
    const { child, url } = await startChild();
    await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const pid = serverPid();
    await kill(child);

    const server = await start();
    expect(server).toMatchObject({ adopted: true, url });
    expect(serverPid()).toBe(pid);
    expect(await query(server.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    await server.stop();
    expect(isAlive(pid)).toBe(false);
  });

  it('recovers when the server was killed together with its process', async () => {
    const { child, url } = await startChild();
    await query(url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await kill(child);
    process.kill(serverPid(), 'SIGKILL');

    const server = await start();
    expect(server.adopted).toBe(false);
    expect(await query(server.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('starts although the pid file of a crash names a process that is something else today', async () => {
    const first = await start();
    await first.stop();
    const { uid, gid } = statSync(join(dataDir, 'postgres', 'data'));
    const other = spawn('sleep', ['60'], { ...(isRoot && { uid, gid }), stdio: 'ignore' }); // only a process of its own user stops PostgreSQL
    children.push(other);
    await once(other, 'spawn');
    const foreign = other.pid ?? 0;
    writeFileSync(pidFile(), `${foreign}\n${join(dataDir, 'postgres', 'data')}\n1\n5432\n\n127.0.0.1\n`, { mode: 0o600 });

    const second = await start();
    expect(second.adopted).toBe(false);
    expect(serverPid()).not.toBe(foreign);
    expect(isAlive(foreign)).toBe(true);
  });

  it('starts although the lock of a crash names a process id that was given away again', async () => {
    mkdirSync(dataDir);
    chmodSync(dataDir, 0o755);
    writeFileSync(join(dataDir, 'fog-compute.lock'), JSON.stringify({ pid: process.ppid, startedAt: 'an earlier boot:1' }));
    expect((await start()).adopted).toBe(false);
  });

  it('starts the server again on the same port when it dies', async () => {
    const server = await start();
    const pid = serverPid();
    process.kill(pid, 'SIGKILL');
    const rows = await until(() => query(server.url, 'SELECT 1 AS one'), { what: 'PostgreSQL to come back' });
    expect(rows).toEqual([{ one: 1 }]);
    expect(serverPid()).not.toBe(pid);
  });

  it('refuses a second start on the folder in words, and leaves the first alone', async () => {
    const { child, url } = await startChild();
    await expect(start()).rejects.toThrow(
      `Another fog-compute (pid ${child.pid}) is using the data folder ${dataDir}. Stop it, or set DATA_DIR to another folder.`,
    );
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('lets exactly one of many simultaneous starts have the folder', async () => {
    const results = await Promise.allSettled([start(), start(), start(), start()]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('says what to do when the password file is lost', async () => {
    await (await start()).stop();
    rmSync(join(dataDir, 'postgres', 'password'));
    await expect(start()).rejects.toThrow(/password is missing\. Restore it from a backup, or set DATA_DIR/);
    expect(existsSync(join(dataDir, 'fog-compute.lock'))).toBe(false);
  });

  it('says what to do when the cluster is of another version', async () => {
    await (await start()).stop();
    writeFileSync(join(dataDir, 'postgres', 'data', 'PG_VERSION'), '17\n');
    await expect(start()).rejects.toThrow(/was written by PostgreSQL 17, and this fog-compute brings PostgreSQL 18/);
  });

  it('says what to do when the data folder cannot be made', async () => {
    writeFileSync(join(scratch, 'a-file'), '');
    await expect(start(join(scratch, 'a-file', 'data'))).rejects.toThrow(/cannot be created \(ENOTDIR\)\. Set DATA_DIR/);
  });

  it('leaves nothing that looks like a cluster when the first start is cut short', async () => {
    mkdirSync(join(dataDir, 'postgres', 'data.draft', 'base'), { recursive: true });
    for (const folder of [dataDir, join(dataDir, 'postgres')]) chmodSync(folder, 0o755);
    expect(await query((await start()).url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(existsSync(join(dataDir, 'postgres', 'data.draft'))).toBe(false);
  });

  (isRoot ? it : it.skip)(
    'as root, goes to a reachable folder when another account cannot enter the data folder, and finds it again',
    async () => {
      chmodSync(scratch, 0o700);
      const messages: string[] = [];
      const first = await start(dataDir, (message) => messages.push(message));
      const fallback = /the database goes to (\/var\/lib\/fog-compute\/[0-9a-f]+)/.exec(messages.join('\n'))?.[1] ?? '';
      try {
        expect(messages.join('\n')).toContain(`another account cannot enter ${dataDir}`);
        await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
        await first.stop();
        chmodSync(scratch, 0o755);
        expect(await query((await start()).url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
      } finally {
        for (const server of started.splice(0)) await server.stop();
        if (fallback) rmSync(fallback, { recursive: true, force: true });
      }
    },
  );
});
