import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askHaproxy } from '../../src/routing/haproxy/command-socket';
import { HaproxyBalancer, type HaproxyOptions } from '../../src/routing/haproxy/haproxy.balancer';
import { freePort } from './program';
import { until } from './until';

const isInstalled = spawnSync('haproxy', ['-v']).status === 0;

/** `describe` that needs HAProxy. Without one it skips and says so; with REQUIRE_HAPROXY=1 it fails instead. */
export function describeWithHaproxy(name: string, body: () => void): void {
  if (isInstalled) return describe(name, body);
  if (process.env.REQUIRE_HAPROXY === '1') throw new Error(`${name} needs haproxy, and it is not installed`);
  process.stderr.write(`SKIPPED: ${name} needs haproxy\n`);
  describe.skip(name, body);
}

/** An HAProxy with a folder of its own, which runs what was written there. */
export class HaproxyUnderTest {
  private process: ChildProcess | null = null;
  private said = '';
  private constructor(
    readonly folder: string,
    readonly port: number,
  ) {}

  static async prepare(): Promise<HaproxyUnderTest> {
    return new HaproxyUnderTest(await mkdtemp(join(tmpdir(), 'fog-haproxy-')), await freePort());
  }

  get options(): HaproxyOptions {
    const { folder, port } = this;
    return {
      ...{ folder, bind: `127.0.0.1:${port}`, trusted: [], slots: 8 },
      ...{ socket: `${folder}/admin.sock`, masterSocket: `${folder}/master.sock` },
    };
  }

  balancer(over: Partial<HaproxyOptions> = {}): HaproxyBalancer {
    return new HaproxyBalancer({ ...this.options, ...over }, () => undefined);
  }

  /** Starts it, once its configuration is there. */
  async start(): Promise<void> {
    await until(() => existsSync(`${this.folder}/haproxy.cfg`), { what: 'the configuration' });
    this.said = '';
    this.process = spawn('haproxy', ['-W', '-f', `${this.folder}/haproxy.cfg`, '-S', `${this.folder}/master.sock`]);
    this.process.stderr?.on('data', (text: Buffer) => (this.said += text.toString()));
    const { process } = this;
    await until(() => (process.exitCode === null ? this.said.includes('Loading success') : Promise.reject(new Error(this.said))), {
      what: 'HAProxy to start',
    });
    // Its master process begins anew once it has loaded, and is not there for a moment.
    await until(async () => (await askHaproxy(`${this.folder}/master.sock`, 'show proc')).includes('worker'), { what: 'its master' });
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    const { process } = this;
    this.process = null;
    if (!process || process.exitCode !== null) return;
    const ended = once(process, 'exit');
    process.kill('SIGTERM');
    await ended;
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}
