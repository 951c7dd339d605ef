import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineAvailable, NEEDS_ENGINE } from './engine';
import { until } from './until';

const NEEDED = ['dockerd', 'unshare', 'nsenter', 'ip', 'iptables', 'mount', 'mkfs.btrfs'];

const shell = (words: string): string => {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', words], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${words}: ${stderr}`);
  return stdout.trim();
};

const isThere = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** What is missing for an engine of the test's own, in words; null when one can be started. */
function missing(): string | null {
  if (process.getuid?.() !== 0) return 'needs root';
  const absent = NEEDED.filter((program) => !isThere(program));
  return absent.length === 0 ? null : `needs ${absent.join(', ')}`;
}

/**
 * `describe` that starts an engine of its own, with its own firewall. Where that is not possible it skips and says so; with
 * REQUIRE_DOCKER_ENGINE=1 it fails instead.
 */
export const describeWithSecondEngine = (name: string, tests: () => void): void => describeUnless(missing(), name, tests);

/** The same for tests that use the engine of the machine too. */
export const describeWithTwoEngines = (name: string, tests: () => void): void =>
  describeUnless(engineAvailable() ? missing() : NEEDS_ENGINE, name, tests);

function describeUnless(why: string | null, name: string, tests: () => void): void {
  if (why === null) return describe(name, tests);
  if (process.env.REQUIRE_DOCKER_ENGINE === '1') throw new Error(`${name} ${why}`);
  process.stderr.write(`\nSKIPPED: ${name} ${why}\n\n`);
  describe.skip(name, tests);
}

interface SecondEngineOptions {
  readonly flags?: readonly string[];
  readonly onBtrfs?: boolean;
  readonly ownIdentity?: boolean;
}

/**
 * A Docker Engine of the test's own in a network namespace of its own, so that neither its firewall nor its flags touch the
 * machine. It knows no other machine unless the test makes one.
 */
export class SecondEngine {
  readonly dockerHost: string;
  private readonly others: ChildProcess[] = [];

  private constructor(
    private readonly folder: string,
    private readonly daemon: ChildProcess,
    private readonly onBtrfs: boolean,
  ) {
    this.dockerHost = `unix://${folder}/sock`;
  }

  /** `ownIdentity`: it has another id than the engine of the machine, with which it else shares the key in `/etc/docker`. */
  static async start({ flags = [], onBtrfs = false, ownIdentity = false }: SecondEngineOptions = {}): Promise<SecondEngine> {
    const folder = mkdtempSync(join(tmpdir(), 'fog-engine-'));
    shell(`chmod 755 ${folder} && mkdir ${folder}/disk ${folder}/etc`);
    if (onBtrfs) shell(`truncate -s 1G ${folder}/image && mkfs.btrfs -q ${folder}/image && mount -o loop ${folder}/image ${folder}/disk`);
    const places = `--data-root ${folder}/disk/data --exec-root ${folder}/exec --pidfile ${folder}/pid -H unix://${folder}/sock`;
    const key = ownIdentity && existsSync('/etc/docker') ? `mount --bind ${folder}/etc /etc/docker && ` : '';
    const words = `${key}ip link set lo up && exec dockerd ${places} ${flags.join(' ')} >${folder}/log 2>&1`;
    const daemon = spawn('unshare', ['--net', '--mount', '--propagation', 'slave', 'sh', '-c', words], { stdio: 'ignore' });
    const engine = new SecondEngine(folder, daemon, onBtrfs);
    await until(() => Promise.resolve(spawnSync('curl', ['-sf', '--unix-socket', `${folder}/sock`, 'http://engine/_ping']).status === 0), {
      timeoutMs: 30_000,
      what: 'an engine of the test',
    });
    return engine;
  }

  /** Runs a command of the machine in the network of the engine. Throws when it fails. */
  onMachine(words: string): string {
    return shell(`nsenter -t ${this.pid} -n ${words}`);
  }

  /** Leaves a command running in the network of the engine until the end. */
  keepOnMachine(words: string): void {
    this.keep('nsenter', ['-t', this.pid, '-n', ...words.split(' ')]);
  }

  /** A cable between the machine of the test and that of the engine, with these addresses and lengths of prefix at its ends. */
  joinMachine({ near, far }: { near: string; far: string }): void {
    const end = `fogtest${this.pid}`.slice(0, 15);
    shell(`ip link add ${end} type veth peer name toward netns ${this.pid}`);
    shell(`ip addr add ${near} dev ${end} && ip link set ${end} up`);
    this.onMachine(`ip addr add ${far} dev toward`);
    this.onMachine('ip link set toward up');
  }

  /** Another machine with this address, whose network the engine's machine is in. `words` is what runs there. */
  addMachine({ address, gateway }: { address: string; gateway: string }, words: string): void {
    const pid = String(this.keep('unshare', ['--net', 'sleep', '1d']).pid);
    shell(`until [ "$(readlink /proc/${pid}/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done`);
    this.onMachine(`ip link add outside type veth peer name eth0 netns ${pid}`);
    this.onMachine(`ip addr add ${gateway} dev outside`);
    this.onMachine('ip link set outside up');
    shell(`nsenter -t ${pid} -n ip addr add ${address} dev eth0 && nsenter -t ${pid} -n ip link set eth0 up`);
    this.keep('nsenter', ['-t', pid, '-n', ...words.split(' ')]);
  }

  async close(): Promise<void> {
    for (const other of this.others) other.kill('SIGKILL');
    const ended = new Promise((resolve) => this.daemon.once('exit', resolve));
    this.daemon.kill('SIGTERM');
    await ended;
    if (this.onBtrfs) shell(`umount ${this.folder}/disk`);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private get pid(): string {
    return shell(`cat ${this.folder}/pid`);
  }

  private keep(program: string, words: readonly string[]): ChildProcess {
    const started = spawn(program, words, { stdio: 'ignore' });
    this.others.push(started);
    return started;
  }
}
