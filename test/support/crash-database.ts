import { execFileSync } from 'node:child_process';
import { Client, escapeIdentifier } from 'pg';
import { findBinaries } from '../../src/database/embedded/postgres-binaries';
import { openCluster, type Cluster } from '../../src/database/embedded/postgres-cluster';
import { runServer, stopServer, urlOf, type RunningServer } from '../../src/database/embedded/postgres-server';
import { isAlive } from '../../src/database/embedded/process-identity';
import { openServerHome } from '../../src/database/embedded/server-home';
import { temporaryDataDir } from './process-under-test';
import { until } from './until';

type Settings = Readonly<Record<string, string>>;

const servers = new Set<CrashDatabase>();
process.on('exit', () => servers.forEach((server) => server.crash()));

/**
 * A PostgreSQL of one test's own, with the program's durable settings unless told otherwise. All its processes can be killed at
 * once and started again on the same files and the same port.
 */
export class CrashDatabase {
  private constructor(
    private readonly cluster: Cluster,
    private readonly removeFolder: () => void,
    private server: RunningServer,
    private settings: Settings,
  ) {
    servers.add(this);
  }

  static async start(settings: Settings = {}): Promise<CrashDatabase> {
    const folder = temporaryDataDir();
    const home = openServerHome(folder.path, () => undefined);
    const cluster = await openCluster(home, findBinaries(home), () => undefined);
    return new CrashDatabase(cluster, folder.remove, await runServer(cluster, { settings }), settings);
  }

  /** The address of the server's first database; it stays the same after crashes. */
  get url(): string {
    return urlOf(this.cluster, this.server);
  }

  /** The file that the server logs to. */
  get logFile(): string {
    return `${this.cluster.home.folder}/server.log`;
  }

  /** Makes an empty database and gives its address. */
  async create(name: string): Promise<string> {
    await this.query(`CREATE DATABASE ${escapeIdentifier(name)}`);
    const url = new URL(this.url);
    url.pathname = `/${name}`;
    return url.toString();
  }

  /** One statement on a connection of its own. */
  async query(sql: string): Promise<void> {
    const client = new Client({ connectionString: this.url });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  }

  /**
   * Sends SIGKILL to the postmaster and all its processes at once: what was not written to the kernel is lost, as when their
   * container is killed. The postmaster is stopped first, so that no process starts while they are counted.
   */
  crash(): void {
    const { pid } = this.server;
    if (!isAlive(pid)) return;
    process.kill(pid, 'SIGSTOP');
    for (const victim of [...childrenOf(pid), pid]) kill(victim);
  }

  /**
   * Starts the server again after a crash, with other settings if wanted. Resolves when recovery has ended and it accepts
   * connections.
   */
  async restart(settings = this.settings): Promise<void> {
    this.settings = settings;
    await until(() => !isAlive(this.server.pid), { what: 'the end of the postmaster' });
    this.server = await runServer(this.cluster, { settings, port: this.server.port });
  }

  /** Ends the server, whatever state it is in, and removes its files. */
  async remove(): Promise<void> {
    servers.delete(this);
    await stopServer(this.cluster, this.server);
    this.removeFolder();
  }
}

function childrenOf(pid: number): number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  return rows.flatMap((row) => {
    const [child, parent] = row.trim().split(/\s+/).map(Number);
    return parent === pid && child !== undefined ? [child] : [];
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
