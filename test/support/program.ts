import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { until } from './until';

const ROOT = join(__dirname, '../..');

/** The program as a separate process, for tests that send it signals. */
export class RunningProgram {
  private text = '';
  private ended: { code: number | null } | undefined;

  private constructor(private readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (this.text += chunk.toString()));
    child.on('exit', (code) => (this.ended = { code }));
  }

  static start(env: Record<string, string>): RunningProgram {
    const clean = {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      RUNTIME: 'simulated',
      LOG_LEVEL: 'info',
      LOAD_BALANCER: 'none',
      ...env,
    };
    return new RunningProgram(spawn(process.execPath, ['-r', '@swc-node/register', 'src/main.ts'], { cwd: ROOT, env: clean }));
  }

  get output(): string {
    return this.text;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  ready(): Promise<unknown> {
    return until(() => this.text.includes('is ready') || (this.ended && Promise.reject(new Error(this.text))), {
      timeoutMs: 40_000,
      what: 'the banner',
    });
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  async exitCode(timeoutMs = 60_000): Promise<number | null> {
    return (await until(() => this.ended, { timeoutMs, what: 'the end of the program' })).code;
  }

  /** Kills the process at the end of a test, whatever has happened. */
  kill(): void {
    if (!this.ended) this.child.kill('SIGKILL');
  }
}

/** Below the ports that systems give to connections and to whoever asks for any. */
const PORTS = { first: 10_000, count: 20_000 };

/** A port that was free a moment ago, and that nobody gets by chance before it is used. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.first + randomInt(PORTS.count);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
