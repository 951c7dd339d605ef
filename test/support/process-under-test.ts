import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from './client';
import { until } from './until';

const ROOT = join(__dirname, '../..');
/** Builds the program if the sources have changed, then runs it in the same process, as users start it. */
const START = join(ROOT, 'scripts/start.mjs');
const STARTS_WITHIN_MS = 60_000;

export const ADMIN = { username: 'admin', password: 'Correct-Horse-7' };

/** The whole environment that the program gets; the test's own environment does not reach it. */
const ENVIRONMENT = {
  PATH: process.env.PATH ?? '',
  HOME: tmpdir(),
  PORT: '0',
  RUNTIME: 'simulated',
  SIMULATED_DELAY_MS: '50',
  LOAD_BALANCER: 'none',
  ADMIN_PASSWORD: ADMIN.password,
  RATE_LIMIT_PER_MINUTE: '0',
  AUTH_RATE_LIMIT_PER_MINUTE: '0',
  REGISTRATION_ENABLED: 'true',
  REGISTRATION_QUOTA: 'none',
  MAX_DEPLOYMENTS_PER_USER: '0',
  MAX_REPLICAS_PER_USER: '0',
};

export type Environment = Readonly<Record<string, string>>;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartOptions {
  /** The account to run as; only root can choose one. */
  readonly account?: { readonly uid: number; readonly gid: number };
  /** Shell commands that run before the program in the same process, such as limits and redirections. */
  readonly shell?: string;
  /** Another program of the same build, such as `secrets-change`. */
  readonly program?: string;
}

const running = new Set<ChildProcess>();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** The program as a separate process, as `npm start` runs it. */
export class ProcessUnderTest {
  readonly ended: Promise<Exit>;
  private readonly child: ChildProcess;
  private words = '';
  private exit: Exit | undefined;

  constructor(
    private readonly environment: Environment,
    { account, shell, program }: StartOptions = {},
  ) {
    const start = [process.execPath, START, ...(program === undefined ? [] : [program])];
    const words = shell === undefined ? start : ['sh', '-c', `${shell} && exec "$@"`, 'sh', ...start];
    const child = spawn(words[0]!, words.slice(1), {
      ...account,
      cwd: ROOT,
      env: { ...ENVIRONMENT, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (this.words += text));
    this.child = child;
    running.add(child);
    this.ended = (once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>).then(([code, signal]) => {
      running.delete(child);
      return (this.exit = { code, signal });
    });
  }

  /** Everything that it has printed, logs included. */
  get output(): string {
    return this.words;
  }

  get isAlive(): boolean {
    return this.exit === undefined;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Such as `http://127.0.0.1:34567`. Known once the process is ready, or from the beginning if the port was chosen. */
  get url(): string {
    if (this.environment.PORT !== undefined) return `http://127.0.0.1:${this.environment.PORT}`;
    return /(?:Swagger UI|Health)\s+(http:\/\/[^/\s]+)\//.exec(this.words)?.[1] ?? '';
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Sends the signal and waits until the process has ended. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> {
    this.signal(signal);
    return this.ended;
  }

  /** Resolves when `/health/ready` says so. Rejects with the output when the program ended instead. */
  async ready(): Promise<this> {
    await until(() => this.url !== '' || !this.isAlive, { timeoutMs: STARTS_WITHIN_MS, what: `the start:\n${this.words}` });
    const isReady = async (): Promise<boolean> => !this.isAlive || (await fetch(`${this.url}/health/ready`)).status === 200;
    await until(isReady, { timeoutMs: STARTS_WITHIN_MS, what: 'readiness' });
    if (!this.isAlive) throw new Error(`The program ended instead of starting:\n${this.words}`);
    return this;
  }
}

/** Starts the product and waits until it is ready. */
export async function startProcess(environment: Environment, options?: StartOptions): Promise<ProcessUnderTest> {
  const started = new ProcessUnderTest(environment, options);
  try {
    return await started.ready();
  } catch (error) {
    await started.kill(); // nothing else would end it
    throw error;
  }
}

/** Starts the program where it cannot start, and returns its exit and its output. */
export async function refusedStart(environment: Environment): Promise<Exit & { output: string; ms: number }> {
  const begun = performance.now();
  const refused = new ProcessUnderTest(environment);
  const late = sleep(STARTS_WITHIN_MS, undefined, { ref: false }).then(() => refused.kill());
  const exit = await Promise.race([refused.ended, late]);
  return { ...exit, output: refused.output, ms: performance.now() - begun };
}

/** A client logged in as the administrator of the process. */
export async function adminOf({ url }: Pick<ProcessUnderTest, 'url'>): Promise<Client> {
  const { status, body } = await new Client(url).post('/api/auth/login', ADMIN);
  if (status !== 200) throw new Error(`The log-in answered ${String(status)}: ${JSON.stringify(body)}`);
  return new Client(url, (body as { access_token: string }).access_token);
}

/** A folder for the embedded database that is removed after the test. */
export function temporaryDataDir(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'fog-compute-fault-'));
  chmodSync(path, 0o755); // as root, PostgreSQL runs as another account
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** The process id of the PostgreSQL that the product runs on its data folder. */
export function postmasterOf(dataDir: string): number {
  const [pid] = readFileSync(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8').split('\n');
  return Number(pid);
}
