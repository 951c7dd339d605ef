import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, chownSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Client } from '../support/client';
import { deploy, untilHealthy } from '../support/deployments-under-test';
import { adminOf, postmasterOf, refusedStart, startProcess, temporaryDataDir, type ProcessUnderTest } from '../support/process-under-test';
import { until } from '../support/until';

describe('the program on a data folder of its own', () => {
  const dataDir = temporaryDataDir();
  let product: ProcessUnderTest;
  let client: Client;
  let id: string;

  beforeAll(async () => {
    // What a shell may have for other databases and engines must not reach the embedded one.
    product = await startProcess({
      ...{
        DATA_DIR: dataDir.path,
        PGSSLMODE: 'require',
        PGSSLNEGOTIATION: 'direct',
        PGREPLICATION: 'database',
        PGCLIENT_ENCODING: 'LATIN1',
      },
      ...{ PGOPTIONS: '-c default_transaction_read_only=on', PGHOST: 'elsewhere', PGUSER: 'nobody', DOCKER_CERT_PATH: '/nowhere' },
    });
    client = await adminOf(product);
    id = await deploy(client, 'survivor', { replicas: 2 });
    await untilHealthy(client, id);
  });

  afterAll(async () => {
    await product?.kill('SIGTERM');
    dataDir.remove();
  });

  it('prints where it is, what it runs on, and how to begin', () => {
    for (const words of ['/docs', 'simulated', 'embedded PostgreSQL', ADMIN_LINE, 'curl']) expect(product.output).toContain(words);
  });

  it.each(['check:invariants', 'audit:verify'])(
    'lets %s look at its database, without an address and without the compiler',
    async (tool) => {
      const { status, stdout } = spawnSync(process.execPath, [`dist/${tool.replace(':', '-')}.main.js`], {
        ...{ cwd: join(__dirname, '../..'), encoding: 'utf8', env: { PATH: process.env.PATH, DATA_DIR: dataDir.path } },
      });
      expect([status, stdout]).toEqual([0, expect.stringMatching(/All \d+ invariants hold|as they were written/)]);
    },
  );

  it('refuses a second start on the folder in words, and goes on', async () => {
    const second = await refusedStart({ DATA_DIR: dataDir.path });
    expect(second).toMatchObject({ code: 1 });
    expect(second.output).toContain(`Another fog-compute (pid ${product.pid}) is using the data folder`);
    expect(second.output).not.toMatch(STACK);
    expect((await fetch(`${product.url}/health/ready`)).status).toBe(200);
  });

  it.each([
    ['it was killed', (): number => 0],
    ['it and its database were killed', (): number => postmasterOf(dataDir.path)],
  ])('starts again after %s, with everything there', async (_name, alsoKill) => {
    const pid = alsoKill();
    if (pid > 0) process.kill(pid, 'SIGKILL');
    await product.kill('SIGKILL');
    product = await startProcess({ DATA_DIR: dataDir.path });
    client = client.at(product.url);
    expect((await untilHealthy(client, id)).replicas).toHaveLength(2);
  });
});

const ADMIN_LINE = 'Administrator   admin';
/** A line of a JavaScript stack. */
const STACK = /\n\s+at .+:\d+:\d+/;

describe('a start that cannot succeed', () => {
  const dataDir = temporaryDataDir();
  afterAll(() => dataDir.remove());

  it('names every fault of the environment at once', async () => {
    const refused = await refusedStart({
      PORT: 'many',
      ROLE: 'boss',
      JWT_SECRET: 'short',
      METRICS_PUBLIC: 'maybe',
      DATA_DIR: dataDir.path,
    });
    expect(refused.code).toBe(1);
    for (const name of ['PORT', 'ROLE', 'JWT_SECRET', 'METRICS_PUBLIC']) expect(refused.output).toContain(name);
    expect(refused.output).not.toMatch(STACK);
    expect(existsSync(join(dataDir.path, 'postgres'))).toBe(false);
  });

  it.each([
    ['a folder that can hold none', { DATA_DIR: '/proc/x' }, /^fog-compute could not start\. The data folder \/proc\/x cannot be created/],
    [
      'a file',
      { DATA_DIR: join(__dirname, '../../package.json') },
      /The data folder .*package\.json cannot be created \(\w+\)\. Set DATA_DIR/,
    ],
    ['no network', { TRUSTED_PROXIES: 'proxy' }, /^fog-compute could not start\. Invalid environment:\n {2}TRUSTED_PROXIES must list/],
    ['no URL', { DATABASE_URL: 'postgres://u:100%pure@h/x' }, /DATABASE_URL has a % that .*%25/],
  ])('says so in a sentence: %s', async (_name, env, sentence) => {
    const refused = await refusedStart(env);
    expect(refused.code).toBe(1);
    expect(refused.output).toMatch(sentence);
    expect(refused.output).not.toMatch(STACK);
  });

  it('says that the port is in use before anything has started', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const refused = await refusedStart({ PORT: String(port), DATA_DIR: dataDir.path });
    holder.close();
    expect(refused.code).toBe(1);
    expect(refused.output).toContain(`Port ${port} on 127.0.0.1 is in use`);
    expect(refused.output).not.toMatch(STACK);
    expect(existsSync(join(dataDir.path, 'postgres'))).toBe(false);
  });

  it.each<Record<string, string>>([{}, { DATABASE_URL: 'postgres://fog@127.0.0.1:1/fog' }])(
    'says that it cannot listen on a host that is not there: %j',
    async (env) => {
      const refused = await refusedStart({ ...env, HOST: 'nobody.invalid', DATA_DIR: dataDir.path });
      expect(refused.code).toBe(1);
      expect(refused.output).toMatch(/It cannot listen on nobody\.invalid:\d+ \(E\w+\)\. Set HOST and PORT/);
      expect(refused.output).not.toMatch(/DATABASE_URL/);
      expect(existsSync(join(dataDir.path, 'postgres'))).toBe(false);
    },
  );

  it('names both secrets that cannot be kept', async () => {
    const refused = await refusedStart({ DATABASE_URL: 'postgres://fog@127.0.0.1:1/fog', DATA_DIR: '/proc/x' });
    expect(refused.output).toMatch(/Set ENCRYPTION_KEY/);
    expect(refused.output).toMatch(/Set JWT_SECRET/);
  });

  it('says that the database cannot be reached, without its password', async () => {
    const refused = await refusedStart({ DATABASE_URL: 'postgres://fog:hidden-password@127.0.0.1:1/fog' });
    expect(refused.code).toBe(1);
    expect(refused.output).toContain('127.0.0.1:1/fog cannot be used');
    expect(refused.output).not.toContain('hidden-password');
    expect(refused.output).not.toMatch(STACK);
  });
});

const NOBODY = { uid: 65_534, gid: 65_534 };

/** Why the test cannot run as another user: that needs root, and a program that every user can read. */
function whyNotAsNobody(): string | null {
  if (process.getuid?.() !== 0) return 'the tests run as an ordinary user already';
  const { status } = spawnSync(
    process.execPath,
    ['-e', `require('fs').readFileSync(process.argv[1])`, join(__dirname, '../../package.json')],
    NOBODY,
  );
  return status === 0 ? null : 'the account nobody cannot read this folder';
}

const reason = whyNotAsNobody();
if (reason !== null) process.stderr.write(`\nSKIPPED: the start as an ordinary user: ${reason}\n\n`);

(reason === null ? describe : describe.skip)('as an ordinary user', () => {
  it('starts with an embedded database, deploys, and ends cleanly', async () => {
    const dataDir = temporaryDataDir();
    try {
      const own = join(dataDir.path, 'data');
      mkdirSync(own);
      chownSync(own, NOBODY.uid, NOBODY.gid);
      const product = await startProcess({ DATA_DIR: own }, { account: NOBODY });
      const client = await adminOf(product);
      await untilHealthy(client, await deploy(client, 'ordinary'));
      expect(await product.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    } finally {
      dataDir.remove();
    }
  });
});

describe('npm start', () => {
  it('ends the program when npm is told to end: its shell does not pass the signal on', async () => {
    const dataDir = temporaryDataDir();
    const env = { PATH: process.env.PATH, HOME: dataDir.path, DATA_DIR: join(dataDir.path, 'data'), PORT: '0', RUNTIME: 'simulated' };
    const npm = spawn('npm', ['start'], { cwd: join(__dirname, '../..'), env, stdio: ['ignore', 'pipe', 'inherit'] });
    let words = '';
    npm.stdout.setEncoding('utf8').on('data', (text: string) => (words += text));
    const url = (): string => /(http:\/\/\S+)\/docs/.exec(words)?.[1] ?? '';
    try {
      await until(() => url() !== '', { timeoutMs: 60_000, what: 'the start' });
      npm.kill('SIGTERM');
      const isGone = (): Promise<boolean> =>
        fetch(`${url()}/health/live`).then(
          () => false,
          () => true,
        );
      await until(isGone, { timeoutMs: 20_000, what: 'the end of the program' });
      await until(() => !existsSync(join(dataDir.path, 'data/fog-compute.lock')), { timeoutMs: 20_000, what: 'the end of its database' });
    } finally {
      npm.kill('SIGKILL');
      dataDir.remove();
    }
  });
});
