import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { until } from './until';

/**
 * The engine gets its own network namespace, because an engine without a bridge begins by removing the bridge of the machine.
 */
const APART = ['--net', 'dockerd'];
const NO_NETWORKS = ['--bridge=none', '--iptables=false', '--ip6tables=false'];

const canStartEngine = (): boolean => process.getuid?.() === 0 && spawnSync('unshare', [...APART, '--version']).status === 0;

/**
 * `describe` for tests that start their own engine. Where that is impossible it skips and says so, or fails with
 * REQUIRE_DOCKER_ENGINE=1.
 */
export function describeWithOwnEngine(name: string, tests: () => void): void {
  if (canStartEngine()) return describe(name, tests);
  if (process.env.REQUIRE_DOCKER_ENGINE === '1') throw new Error(`${name} needs to start dockerd, which only root can`);
  process.stderr.write(`\nSKIPPED: ${name} needs to start dockerd, which only root can\n\n`);
  describe.skip(name, tests);
}

/**
 * A second Docker Engine on this machine, without networks, that a test may stop and start. Its containers keep running while
 * it is stopped.
 */
export class OwnEngine {
  private readonly home = mkdtempSync(join(tmpdir(), 'fog-engine-'));
  private daemon: ChildProcess | undefined;
  readonly host = `unix://${join(this.home, 'engine.sock')}`;
  readonly docker = new Docker({ socketPath: join(this.home, 'engine.sock') });

  private get isRunning(): boolean {
    return this.daemon?.exitCode === null && this.daemon.signalCode === null;
  }

  async start(): Promise<void> {
    const at = (name: string): string => join(this.home, name);
    const places = ['--host', this.host, '--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid')];
    this.daemon = spawn('unshare', [...APART, ...places, '--live-restore', ...NO_NETWORKS], { stdio: 'ignore' });
    await until(() => this.docker.ping(), { timeoutMs: 30_000, what: 'the engine to answer' });
  }

  /** Stops the engine like `systemctl stop docker`. */
  async stop(): Promise<void> {
    if (!this.daemon || !this.isRunning) return;
    const ended = once(this.daemon, 'exit');
    this.daemon.kill('SIGTERM');
    await ended;
  }

  /** Removes the engine with everything that it has. */
  async remove(): Promise<void> {
    if (!this.isRunning) await this.start();
    for (const { Id: id } of await this.docker.listContainers({ all: true })) {
      await this.docker.getContainer(id).remove({ force: true });
    }
    await this.stop();
    // An engine whose containers may outlive it leaves its directory mounted onto itself.
    spawnSync('umount', ['--lazy', join(this.home, 'data')]);
    rmSync(this.home, { recursive: true, force: true });
  }
}
