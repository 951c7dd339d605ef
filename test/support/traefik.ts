import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { TraefikApi } from '../../src/routing/traefik/traefik-api';
import { TraefikBalancer } from '../../src/routing/traefik/traefik.balancer';
import { freePort } from './program';
import { until } from './until';

const { TRAEFIK_BINARY, TRAEFIK_CACHE, XDG_CACHE_HOME = join(homedir(), '.cache') } = process.env;
/** As `test/traefik/build.sh` makes it. */
const BINARY = TRAEFIK_BINARY ?? join(TRAEFIK_CACHE ?? join(XDG_CACHE_HOME, 'fog-compute'), 'traefik-3.7.13');

/** `describe` that needs Traefik. Without one it skips and says so; with REQUIRE_TRAEFIK=1 it fails instead. */
export function describeWithTraefik(name: string, body: () => void): void {
  if (existsSync(BINARY)) return describe(name, body);
  if (process.env.REQUIRE_TRAEFIK === '1') throw new Error(`${name} needs Traefik, and there is none at ${BINARY}`);
  process.stderr.write(`SKIPPED: ${name} needs Traefik: test/traefik/build.sh makes it, or TRAEFIK_BINARY names one\n`);
  describe.skip(name, body);
}

/** A Traefik that asks at one address for what it serves. */
export class TraefikUnderTest {
  private process: ChildProcess | null = null;
  private said = '';
  private constructor(
    readonly port: number,
    private readonly apiPort: number,
  ) {}

  static async prepare(): Promise<TraefikUnderTest> {
    return new TraefikUnderTest(await freePort(), await freePort());
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.apiPort}`;
  }

  async start(asksAt: string, token: string, more: readonly string[] = []): Promise<void> {
    this.said = '';
    this.process = spawn(BINARY, [
      ...[`--entrypoints.web.address=127.0.0.1:${this.port}`, `--entrypoints.traefik.address=127.0.0.1:${this.apiPort}`],
      ...['--api.insecure=true', '--global.checknewversion=false', '--global.sendanonymoususage=false', '--log.level=ERROR'],
      ...[`--providers.http.endpoint=${asksAt}`, `--providers.http.headers.Authorization=Bearer ${token}`],
      ...['--providers.http.pollInterval=200ms', '--providers.providersThrottleDuration=100ms', ...more],
    ]);
    const { process } = this;
    for (const stream of [process.stdout, process.stderr]) stream?.on('data', (text: Buffer) => (this.said += text.toString()));
    const answers = async (): Promise<boolean> => {
      if (process.exitCode !== null) throw new Error(`Traefik has ended: ${this.said}`);
      return fetch(`${this.apiUrl}/api/overview`).then(
        ({ ok }) => ok,
        () => false,
      );
    };
    await until(answers, { what: 'Traefik to start' });
  }

  /** What it has complained of. */
  get complaints(): string {
    return this.said;
  }

  async close(): Promise<void> {
    const { process } = this;
    this.process = null;
    if (!process || process.exitCode !== null) return;
    const ended = once(process, 'exit');
    process.kill('SIGKILL');
    await ended;
  }
}

/** A balancer whose Traefik asks it without the rest of the program between. */
export class LedTraefik {
  private constructor(
    readonly traefik: TraefikUnderTest,
    readonly balancer: TraefikBalancer,
    private readonly server: Server,
  ) {}

  static async start(drainMs = 300): Promise<LedTraefik> {
    const traefik = await TraefikUnderTest.prepare();
    const balancer = new TraefikBalancer({ api: new TraefikApi(traefik.apiUrl), drainMs }, () => undefined);
    const server = createServer((_request, response) => {
      try {
        response.end(balancer.fetch().body);
      } catch {
        response.writeHead(503).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await balancer.apply([]);
    await traefik.start(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, 'none');
    return new LedTraefik(traefik, balancer, server);
  }

  async close(): Promise<void> {
    await this.traefik.close();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
