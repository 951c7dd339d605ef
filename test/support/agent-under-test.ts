import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { ARM64_NODE } from './arm64';
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

const fromSources = (root: string): readonly string[] => [process.execPath, '-r', '@swc-node/register', join(root, 'src/main.ts')];
/** The program of now, whatever the others are. */
export const PROGRAM_OF_NOW = fromSources(ROOT);
/** All tests of agents with an older release, unpacked there with its packages: `AGENT_SOURCES=/there npx jest test/engine/agent`. */
const FROM_SOURCES = fromSources(process.env.AGENT_SOURCES ?? ROOT);
/** What `npm run build` has made, under an emulated ARM64. */
export const BUILT_FOR_ARM64: readonly string[] = [...ARM64_NODE, join(ROOT, 'dist/main.js')];
/** All tests of agents as on ARM64: `npm run build && AGENT_ARM64=1 npx jest test/engine/agent`. */
const DEFAULT_PROGRAM = process.env.AGENT_ARM64 === '1' ? BUILT_FOR_ARM64 : FROM_SOURCES;

/** An agent in a process of its own, from the sources unless told otherwise, that a test may kill at any time. */
export class AgentUnderTest {
  output = '';
  private child: ChildProcess | undefined;

  constructor(
    private readonly env: Readonly<Record<string, string>>,
    private readonly prefix: readonly string[] = [],
    private readonly program: readonly string[] = DEFAULT_PROGRAM,
  ) {}

  get isRunning(): boolean {
    return this.child?.exitCode === null && this.child.signalCode === null;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Begins to start; `output` shows what it says. */
  start(over: Readonly<Record<string, string>> = {}): Promise<void> {
    const [command, ...args] = [...this.prefix, ...this.program];
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
