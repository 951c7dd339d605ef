import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
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
    const clean = { PATH: process.env.PATH, HOME: process.env.HOME, RUNTIME: 'simulated', LOG_LEVEL: 'info', ...env };
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

  async exitCode(timeoutMs = 15_000): Promise<number | null> {
    return (await until(() => this.ended, { timeoutMs, what: 'the end of the program' })).code;
  }

  /** Kills the process at the end of a test, whatever has happened. */
  kill(): void {
    if (!this.ended) this.child.kill('SIGKILL');
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
