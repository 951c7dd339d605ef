import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Client } from './client';
import { until } from './until';

const ROOT = join(__dirname, '../..');

/** Registers a node for an agent, and gives the token with which a machine joins it. */
export async function joinToken(admin: Client): Promise<string> {
  const { body } = await admin.post('/api/nodes', { name: 'shop-7', runtime: 'agent', region: 'eu-west' });
  return (body as { join: { token: string } }).join.token;
}

/** Waits until the agent of the only node has been heard. */
export const nodeIsThere = (admin: Client): Promise<unknown> =>
  until(async () => JSON.stringify((await admin.get('/api/nodes')).body).includes('"status":"idle"'), { what: 'the node to be there' });

/** An agent in a process of its own, from the sources, that a test may kill at any time. */
export class AgentUnderTest {
  output = '';
  private child: ChildProcess | undefined;

  constructor(
    private readonly env: Readonly<Record<string, string>>,
    private readonly prefix: readonly string[] = [],
  ) {}

  get isRunning(): boolean {
    return this.child?.exitCode === null && this.child.signalCode === null;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Begins to start; `output` shows what it says. */
  start(over: Readonly<Record<string, string>> = {}): Promise<void> {
    const [command, ...args] = [...this.prefix, process.execPath, '-r', '@swc-node/register', join(ROOT, 'src/main.ts')];
    const inherited = Object.fromEntries(
      ['PATH', 'HOME', 'DOCKER_HOST'].flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
    );
    this.child = spawn(command ?? '', args, {
      ...{ cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] },
      env: { ...inherited, ROLE: 'agent', ...this.env, ...over },
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    return Promise.resolve();
  }

  /** Ends it at once, as a loss of power does. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    if (this.child === undefined) return null;
    if (this.isRunning) {
      const ended = once(this.child, 'exit');
      this.child.kill(signal);
      await ended;
    }
    return this.child.exitCode;
  }

  /** Resolves with the exit code when it ends by itself. */
  async ended(): Promise<number | null> {
    if (this.child !== undefined && this.isRunning) await once(this.child, 'exit');
    return this.child?.exitCode ?? null;
  }
}
