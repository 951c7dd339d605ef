import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface PacketQuality {
  /** One way. */
  readonly delayMs: number;
  /** The share of packets that get lost, in each direction. */
  readonly lossShare: number;
}

/** Why there can be no such link here; null: there can. */
function missing(): string | null {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root';
  if (!existsSync('/dev/net/tun')) return 'needs /dev/net/tun';
  const lacking = ['ip', 'python3'].filter((tool) => !['/usr/sbin', '/sbin', '/usr/bin', '/bin'].some((at) => existsSync(join(at, tool))));
  return lacking.length === 0 ? null : `needs ${lacking.join(' and ')}`;
}

/** `describe` for tests with links of packets between network namespaces. Where there can be none it skips and says so. */
export function describeWithPackets(name: string, tests: () => void): void {
  const words = missing();
  if (words === null) return describe(name, tests);
  if (process.env.REQUIRE_DOCKER_ENGINE === '1') throw new Error(`${name} ${words}`);
  process.stderr.write(`\nSKIPPED: ${name} ${words}\n\n`);
  describe.skip(name, tests);
}

/**
 * A network namespace whose only way out is a link that delays, loses and cuts packets, so that TCP itself has to cope. It does what
 * `tc netem` does, and needs no queueing discipline, which many kernels lack.
 */
export class PacketLink {
  private current: PacketQuality;

  private constructor(
    private readonly name: string,
    private readonly ends: { readonly here: string; readonly there: string },
    private readonly passing: ChildProcessWithoutNullStreams,
    private readonly lines: AsyncIterator<string>,
    quality: PacketQuality,
  ) {
    this.current = quality;
  }

  static async open(quality: PacketQuality): Promise<PacketLink> {
    const name = `fog${process.pid % 10_000}x${(count += 1)}`;
    const net = `10.213.${process.pid % 250}.${(count % 60) * 4}`;
    const [here, there] = [1, 2].map((end) => net.replace(/\d+$/, (first) => String(Number(first) + end))) as [string, string];
    run('ip', 'netns', 'add', name);
    const passing = spawn('/usr/bin/python3', [join(__dirname, 'packet-link.py'), name, name]);
    let words = '';
    passing.stderr.setEncoding('utf8').on('data', (text: string) => (words += text));
    const lines = createInterface(passing.stdout)[Symbol.asyncIterator]();
    if ((await lines.next()).value !== 'ready') throw new Error(`The link does not begin: ${words}`);
    const link = new PacketLink(name, { here, there }, passing, lines, quality);
    run('ip', 'addr', 'add', `${here}/30`, 'dev', name);
    run('ip', 'link', 'set', name, 'up');
    for (const command of [
      ['addr', 'add', `${there}/30`, 'dev', name],
      ['link', 'set', name, 'up'],
      ['link', 'set', 'lo', 'up'],
    ])
      run('ip', '-n', name, ...command);
    await link.become(quality);
    return link;
  }

  /** The address of this side, for those in the namespace. It is an address of this machine as well. */
  get address(): string {
    return this.ends.here;
  }

  /** What to put before a command that is to run in the namespace. */
  get inside(): readonly string[] {
    return ['ip', 'netns', 'exec', this.name];
  }

  /** What the link is like from now on. */
  async become(quality: PacketQuality): Promise<void> {
    this.current = quality;
    await this.restore();
  }

  /** Loses every packet until `restore`, also those that are on their way. Nobody is told. */
  async cut(): Promise<void> {
    await this.say('cut');
  }

  async restore(): Promise<void> {
    await this.say(`${this.current.delayMs} ${this.current.lossShare}`);
  }

  /** So many bytes of IP packets have arrived at the other ends since it was opened, both ways. */
  async bytes(): Promise<number> {
    const told = await this.say('count');
    return told.split(' ').reduce((sum, each) => sum + Number(each), 0);
  }

  close(): void {
    this.passing.kill();
    run('ip', 'netns', 'del', this.name);
  }

  private async say(words: string): Promise<string> {
    this.passing.stdin.write(`${words}\n`);
    const { value, done } = await this.lines.next();
    if (done === true) throw new Error('The link has ended');
    return value;
  }
}

let count = 0;

const run = (command: string, ...args: string[]): void => void execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
