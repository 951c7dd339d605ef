import { execFileSync, spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { deploy, untilHealthy } from '../support/deployments-under-test';
import { adminOf, ADMIN, type Environment } from '../support/process-under-test';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { until } from '../support/until';

const ROOT = join(__dirname, '../..');
const isRoot = process.getuid?.() === 0;
/** Only root can take other accounts: one of an ordinary user, and one without a line in /etc/passwd, as containers often have it. */
const ORDINARY = isRoot ? { uid: 65_534, gid: 65_534 } : {};
const STRANGER = isRoot ? { uid: 54_321, gid: 54_321 } : {};
const SECRETS = { JWT_SECRET: 'x'.repeat(40), ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64') };
/** How long the program may take to copy, and a tool to run, on a machine that is busy with other tests. */
const LONG_MS = 300_000;
const TOOLS = ['check-invariants', 'audit-verify', 'recover-administrator', 'secrets-change'] as const;
const UNIT = join(ROOT, 'deploy/systemd/fog-compute.service');

interface Started {
  readonly child: ChildProcessWithoutNullStreams;
  output: string;
  url: string;
}

/** What is installed for good: the built program and the packages that `npm ci --omit=dev` would install, and nothing else. */
describe('an installation without the development packages', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fog-installed-'));
  const dataDir = join(folder, 'data');
  const programs: Started[] = [];
  let database: TestDatabase;

  /** No HOME, no USER: only what is named. */
  const environment = (more: Environment = {}) => ({ PATH: process.env.PATH, DATA_DIR: dataDir, ...more });
  const tool = (name: string, env: Environment = {}, { words = [], account = ORDINARY }: { words?: string[]; account?: object } = {}) =>
    spawnSync(process.execPath, [`dist/${name}.main.js`, ...words], {
      ...{ cwd: folder, encoding: 'utf8', env: environment(env), ...account },
    });

  async function start(env: Environment, account: object): Promise<Started> {
    const more = { PORT: '0', RUNTIME: 'simulated', LOAD_BALANCER: 'none', ADMIN_PASSWORD: ADMIN.password, ...env };
    const child = spawn(process.execPath, ['dist/main.js'], { cwd: folder, env: environment(more), stdio: 'pipe', ...account });
    const started: Started = { child, output: '', url: '' };
    programs.push(started);
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (started.output += text));
    const url = (): string => (started.url = /(http:\/\/\S+)\/docs/.exec(started.output)?.[1] ?? '');
    await until(() => url() !== '' || child.exitCode !== null, { timeoutMs: 60_000, what: 'the start' });
    return started;
  }

  async function stop({ child }: Started): Promise<unknown> {
    child.kill('SIGTERM');
    return once(child, 'exit');
  }

  beforeAll(async () => {
    database = await createTestDatabase();
    // Builds the program if its sources have changed.
    spawnSync(process.execPath, ['scripts/start.mjs', 'check-invariants'], { cwd: ROOT, env: environment() });
    chmodSync(folder, 0o755);
    const packages = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
    for (const path of ['dist', 'package.json', 'scripts', ...packages.map((each) => relative(ROOT, each)).filter((each) => each !== '')]) {
      if (existsSync(join(folder, path))) continue; // inside of one that was copied
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      execFileSync('cp', ['-a', join(ROOT, path), join(folder, path)]);
    }
    mkdirSync(dataDir, { mode: 0o700 });
    if (ORDINARY.uid !== undefined) chownSync(dataDir, ORDINARY.uid, ORDINARY.gid);
  }, LONG_MS);

  afterAll(async () => {
    for (const { child } of programs) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
    await database?.drop();
  });

  it('has no compiler', () => {
    expect(existsSync(join(folder, 'node_modules/@nestjs/core'))).toBe(true);
    for (const name of ['typescript', '@nestjs/cli', 'jest'])
      expect([name, existsSync(join(folder, 'node_modules', name))]).toEqual([name, false]);
  });

  it('starts under an account without a name and a home, and runs its tools there', async () => {
    const env = { ...SECRETS, DATABASE_URL: database.url };
    const started = await start(env, STRANGER);
    expect([started.output, started.child.exitCode]).toEqual([expect.stringContaining('/docs'), null]);
    expect(tool('check-invariants', env, { account: STRANGER })).toMatchObject({ status: 0, stderr: '' });
    expect(await stop(started)).toEqual([0, null]);
  });

  it('says to an account without a name what the embedded database needs', async () => {
    if (STRANGER.uid === undefined) return;
    const own = join(folder, 'stranger');
    mkdirSync(own);
    chownSync(own, STRANGER.uid, STRANGER.gid);
    const { output } = await start({ DATA_DIR: own }, STRANGER);
    expect(output).toMatch(
      /could not start\. PostgreSQL needs an account with a name, and uid 54321 has no line in \/etc\/passwd\. .*set DATABASE_URL/,
    );
  });

  it('starts with an embedded database, and deploys', async () => {
    const { output, url } = await start({}, ORDINARY);
    expect(output).toContain('/docs');
    const client = await adminOf({ url });
    await untilHealthy(client, await deploy(client, 'installed', { replicas: 2 }));
  });

  it.each([
    ['check-invariants', 0, /\nAll \d+ invariants hold\.\n$/],
    ['audit-verify', 0, /as they were written/],
  ])('runs %s beside it', (name, code, said) => {
    const { status, stdout, stderr } = tool(name);
    expect([status, stdout, stderr]).toEqual([code, expect.stringMatching(said), '']);
  });

  it('recovers an administrator beside it, and names those who are there', () => {
    const recovered = tool('recover-administrator', {}, { words: [ADMIN.username] });
    expect(recovered).toMatchObject({ status: 0, stdout: expect.stringContaining('"token":"') });
    const { status, stderr } = tool('recover-administrator', {}, { words: ['nobody'] });
    expect([status, stderr]).toEqual([2, expect.stringContaining('there is no user "nobody"; the administrators are: admin.')]);
  });

  it('says to an account that may not look into the folder that it may not, and not that nothing runs there', () => {
    if (STRANGER.uid === undefined) return;
    const { status, stderr } = tool('check-invariants', {}, { account: STRANGER });
    expect([status, stderr]).toEqual([
      2,
      expect.stringMatching(/^The invariants could not be checked: this account may not look into \S+ \(EACCES\)/),
    ]);
  });

  it('ends cleanly, and changes its secrets while it is down', async () => {
    expect(await stop(programs.at(-1)!)).toEqual([0, null]);
    expect(tool('secrets-change')).toMatchObject({ status: 0, stderr: '' });
    const nowhere = tool('secrets-change', { DATA_DIR: join(dataDir, 'none') });
    expect([nowhere.status, nowhere.stderr]).toEqual([2, expect.stringMatching(/There is no database in \S+none\. Set DATABASE_URL/)]);
    expect(existsSync(join(dataDir, 'none'))).toBe(false);
  });

  // What else can be wrong with it is in database-url.spec.ts and connection-settings.int-spec.ts: all of them read it there.
  describe.each(TOOLS)('%s', (name) => {
    it.each([
      ['a % that is none', 'postgres://u:100%pure@127.0.0.1:1/x', /write %25 for a % itself/],
      ['a server that is none', 'postgres://u:hidden@127.0.0.1:1/x', /127\.0\.0\.1:1\/x cannot be used \(connect ECONNREFUSED/],
      ['a file that is no certificate', 'postgres://u:hidden@127.0.0.1:1/x?sslrootcert=/etc/hosts', /not in the PEM format: \/etc\/hosts/],
    ])('says what is wrong with %s, and ends with code 2', (_what, databaseUrl, said) => {
      const { status, stdout, stderr } = tool(name, { DATABASE_URL: databaseUrl, ...SECRETS });
      expect([status, stdout, stderr]).toEqual([2, '', expect.stringMatching(said)]);
      expect(stderr).toContain('DATABASE_URL');
      expect(stderr).not.toMatch(/hidden|\n\s+at /);
    });
  });
});

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
if (!hasSystemd) process.stderr.write('\nSKIPPED: the unit of systemd: there is no systemd-analyze here\n\n');

(hasSystemd ? describe : describe.skip)('the unit of systemd', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fog-unit-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What systemd says of the unit. Node.js may be elsewhere on this machine. */
  function verify(change: (unit: string) => string): string {
    const file = join(folder, 'fog-compute.service');
    writeFileSync(file, change(readFileSync(UNIT, 'utf8').replace('/usr/bin/node', process.execPath)));
    const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    return stderr
      .split('\n')
      .filter((line) => line.includes('fog-compute.service'))
      .join('\n');
  }

  it('is one that systemd understands whole', () => {
    expect(verify((unit) => unit)).toBe('');
    expect(verify((unit) => unit.replace('KillMode=mixed', 'KilMode=mixed'))).toContain("Unknown key 'KilMode'");
  });
});
