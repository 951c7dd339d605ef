import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, chmodSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deploy, untilHealthy } from '../support/deployments-under-test';
import { adminOf, refusedStart, startProcess } from '../support/process-under-test';
import { freePort } from '../support/program';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { until } from '../support/until';

const PGBOUNCER = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find((path) => existsSync(path));
if (PGBOUNCER === undefined) process.stderr.write('\nSKIPPED: the start behind PgBouncer: it is not installed (Debian: pgbouncer)\n\n');

/** PgBouncer in front of the database of a test. */
(PGBOUNCER === undefined ? describe.skip : describe)('behind PgBouncer', () => {
  let database: TestDatabase;
  let folder: string;
  const poolers: ChildProcess[] = [];
  beforeEach(async () => {
    database = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), 'fog-pooler-'));
    chmodSync(folder, 0o755);
  });
  afterEach(async () => {
    for (const pooler of poolers.splice(0)) pooler.kill('SIGKILL');
    rmSync(folder, { recursive: true });
    await database?.drop();
  });

  /** The address of a pooler in this mode. */
  async function pool(mode: string): Promise<string> {
    const url = new URL(database.url);
    const port = await freePort();
    writeFileSync(join(folder, 'users'), `"${url.username}" "${decodeURIComponent(url.password)}"\n`);
    writeFileSync(
      join(folder, 'pooler.ini'),
      [
        ...['[databases]', `* = host=${url.hostname} port=${url.port}`, '[pgbouncer]', 'listen_addr=127.0.0.1', `listen_port=${port}`],
        ...['auth_type=plain', `auth_file=${join(folder, 'users')}`, `pool_mode=${mode}`, 'unix_socket_dir='],
        ...(process.getuid?.() === 0 ? ['user=nobody'] : []),
      ].join('\n'),
    );
    poolers.push(spawn(PGBOUNCER ?? '', [join(folder, 'pooler.ini')], { stdio: 'ignore' }));
    url.port = String(port);
    const answers = (): boolean => {
      try {
        execFileSync(process.execPath, ['-e', `require('net').connect(${port}).on('connect', () => process.exit(0))`], { stdio: 'ignore' });
        return true;
      } catch {
        return false;
      }
    };
    await until(answers, { what: 'the pooler' });
    return url.href;
  }

  it('works in session mode', async () => {
    const product = await startProcess({ DATABASE_URL: await pool('session'), LOG_LEVEL: 'warn' });
    try {
      const client = await adminOf(product);
      await untilHealthy(client, await deploy(client, 'pooled'));
    } finally {
      await product.kill('SIGTERM');
    }
  });

  it.each(['transaction', 'statement'])('refuses %s mode at the start, with the remedy', async (mode) => {
    const refused = await refusedStart({ DATABASE_URL: await pool(mode) });
    expect(refused.code).toBe(1);
    expect(refused.output).toMatch(/pooler in transaction \(or statement\) mode.*set pool_mode = session/);
  });
});
