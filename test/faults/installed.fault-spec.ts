import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { deploy, untilHealthy } from '../support/deployments-under-test';
import { adminOf, ADMIN } from '../support/process-under-test';
import { until } from '../support/until';

const ROOT = join(__dirname, '../..');
/** An account without a line in /etc/passwd, as containers often run under. Only root can take it. */
const STRANGER = process.getuid?.() === 0 ? { uid: 54_321, gid: 54_321 } : {};
const TOOLS = ['check-invariants', 'audit-verify', 'recover-administrator', 'secrets-change'] as const;
const UNIT = join(ROOT, 'deploy/systemd/fog-compute.service');

/** What is installed for good: the built program and the packages that `npm ci --omit=dev` would install, and nothing else. */
describe('an installation without the development packages', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fog-installed-'));
  const dataDir = join(folder, 'data');
  let program: ChildProcess | undefined;
  let output = '';

  /** No HOME, no USER: only what is named. */
  const environment = (more: Record<string, string> = {}) => ({ PATH: process.env.PATH, DATA_DIR: dataDir, ...more });
  const url = (): string => /(http:\/\/\S+)\/docs/.exec(output)?.[1] ?? '';
  const tool = (name: string, env: Record<string, string> = {}, words: readonly string[] = []) =>
    spawnSync(process.execPath, [`dist/${name}.main.js`, ...words], {
      ...{ cwd: folder, encoding: 'utf8', env: environment(env), timeout: 60_000 },
      ...STRANGER,
    });

  beforeAll(async () => {
    spawnSync(process.execPath, ['scripts/start.mjs', 'check-invariants'], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, DATA_DIR: dataDir },
    });
    chmodSync(folder, 0o755);
    const packages = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
    for (const path of ['dist', 'package.json', 'scripts', ...packages.map((each) => relative(ROOT, each)).filter((each) => each !== '')]) {
      if (existsSync(join(folder, path))) continue; // inside of one that was copied
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      execFileSync('cp', ['-a', join(ROOT, path), join(folder, path)]);
    }
    mkdirSync(dataDir, { mode: 0o700 });
    if (STRANGER.uid !== undefined) chownSync(dataDir, STRANGER.uid, STRANGER.gid);
    const env = environment({ PORT: '0', RUNTIME: 'simulated', LOAD_BALANCER: 'none', ADMIN_PASSWORD: ADMIN.password });
    program = spawn(process.execPath, ['dist/main.js'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'], ...STRANGER });
    for (const stream of [program.stdout, program.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
    await until(() => url() !== '' || program?.exitCode !== null, { timeoutMs: 60_000, what: 'the start' });
  }, 180_000);

  afterAll(() => {
    program?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  it('has no compiler', () => {
    expect(existsSync(join(folder, 'node_modules/@nestjs/core'))).toBe(true);
    for (const name of ['typescript', '@nestjs/cli', 'jest'])
      expect([name, existsSync(join(folder, 'node_modules', name))]).toEqual([name, false]);
  });

  it('starts under an account without a name and a home, and deploys', async () => {
    expect([output, program?.exitCode]).toEqual([expect.stringContaining('/docs'), null]);
    const client = await adminOf({ url: url() });
    await untilHealthy(client, await deploy(client, 'installed', { replicas: 2 }));
  });

  it.each([
    ['check-invariants', 0, /^All \d+ invariants hold\n$/],
    ['audit-verify', 0, /as they were written/],
  ])('runs %s beside it', (name, code, said) => {
    const { status, stdout, stderr } = tool(name);
    expect([status, stdout, stderr]).toEqual([code, expect.stringMatching(said), '']);
  });

  it('recovers an administrator beside it, and names those who are there', () => {
    expect(tool('recover-administrator', {}, [ADMIN.username])).toMatchObject({ status: 0, stdout: expect.stringContaining('"token":"') });
    const { status, stderr } = tool('recover-administrator', {}, ['nobody']);
    expect([status, stderr]).toEqual([2, expect.stringContaining('there is no user "nobody"; the administrators are: admin.')]);
  });

  it('says to an account that may not look into the folder that it may not, and not that nothing runs there', () => {
    if (STRANGER.uid === undefined) return;
    const { status, stderr } = spawnSync(process.execPath, ['dist/check-invariants.main.js'], {
      ...{ cwd: folder, encoding: 'utf8', env: environment(), uid: STRANGER.uid + 1, gid: STRANGER.gid + 1 },
    });
    expect([status, stderr]).toEqual([
      2,
      expect.stringMatching(/^The invariants could not be checked: this account may not look into \S+ \(EACCES\)/),
    ]);
  });

  it('ends cleanly, and changes its secrets while it is down', async () => {
    program?.kill('SIGTERM');
    expect(await once(program!, 'exit')).toEqual([0, null]);
    expect(tool('secrets-change')).toMatchObject({ status: 0, stderr: '' });
    const nowhere = tool('secrets-change', { DATA_DIR: join(dataDir, 'none') });
    expect([nowhere.status, nowhere.stderr]).toEqual([2, expect.stringMatching(/There is no database in \S+none\. Set DATABASE_URL/)]);
    expect(existsSync(join(dataDir, 'none'))).toBe(false);
  });

  describe.each(TOOLS)('%s', (name) => {
    it.each([
      ['a % that is none', 'postgres://u:100%pure@127.0.0.1:1/x', /write %25 for a % itself/],
      ['a server that is none', 'postgres://u:hidden@127.0.0.1:1/x', /127\.0\.0\.1:1\/x cannot be used \(connect ECONNREFUSED/],
      ['a socket that is none', 'postgres:///x?host=/nowhere', /\/nowhere:5432\/x cannot be used \(.*ENOENT/],
      ['several hosts', 'postgres://u:hidden@h1,h2/x', /names several hosts/],
      ['a mode of TLS that is none', 'postgres://u:hidden@127.0.0.1:1/x?sslmode=requird', /sslmode in DATABASE_URL must be one of/],
      ['a file that is no certificate', 'postgres://u:hidden@127.0.0.1:1/x?sslrootcert=/etc/hosts', /not in the PEM format: \/etc\/hosts/],
      ['a file that is not there', 'postgres://u:hidden@127.0.0.1:1/x?sslrootcert=/nowhere', /cannot be read \(ENOENT\): \/nowhere/],
    ])('says what is wrong with %s, and ends with code 2', (_what, databaseUrl, said) => {
      const secrets = { JWT_SECRET: 'x'.repeat(40), ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64') };
      const { status, stdout, stderr } = tool(name, { DATABASE_URL: databaseUrl, ...secrets });
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
