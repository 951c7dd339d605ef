import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { BlockList, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Network } from '../../common/networks';
import type { LiveRoutes } from '../load-balancer';
import { SIMULATED_ADDRESS, type RouteTable } from '../route-table';
import { Backends } from './backends';
import { forwardedHeaders } from './forwarded-headers';
import { isPlain, plainHead } from './plain-request';
import { GONE, proxyRequest } from './proxy-request';
import { proxyUpgrade, refuse } from './proxy-upgrade';
import { RouteIndex, type Destination } from './route-index';
import { TrafficCounts } from './traffic-counts';
import { answerInWords, type Answer } from './words';

const HEADERS_WITHIN_MS = 15_000;
/** Longer than proxies before it keep theirs, so that the other side closes first and no request is lost. */
const KEEP_ALIVE_MS = 75_000;
const CLOSES_WITHIN_MS = 5_000;
const SWEEP_MS = 50;
const NO_CONTENT = 204;
const UNAVAILABLE = 503;
/** A proxy that has asked so lately whether this router is there asks again soon. */
const CHECKED_WITHIN_MS = 3_000;
/** What a proxy has sent on its way when it hears that this router leaves arrives within this time. */
const LAST_ARRIVALS_MS = 200;

export interface RouterOptions {
  readonly host: string;
  readonly port: number;
  /** Proxies whose `X-Forwarded-*` is taken over. */
  readonly trusted: readonly Network[];
}

/** Where a request goes, or why nowhere. */
type Aim =
  | { readonly destination: Destination; readonly host: string; readonly path: string }
  | { readonly destination?: undefined; readonly fault: Answer };

/**
 * The router: takes requests, finds the deployment by host and path, and passes them to its replicas. It knows nothing but the
 * tables that it is given, and goes on with the last ones when nobody gives it new ones.
 */
export class Router {
  private readonly index = new RouteIndex();
  private readonly backends = new Backends();
  private readonly trusted = new BlockList();
  private readonly server: Server;
  /** Connections that speak another protocol, which the server no longer counts as its own. */
  private readonly upgraded = new Set<Duplex>();
  private checkedAt = -Infinity;
  /** Called with each question of a proxy from the time on at which this router leaves; null before. */
  private onCheck: (() => void) | null = null;

  constructor(
    private readonly options: RouterOptions,
    private readonly counts = new TrafficCounts(),
  ) {
    for (const { address, prefix, family } of options.trusted) this.trusted.addSubnet(address, prefix, family);
    this.server = createServer(
      { keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: HEADERS_WITHIN_MS, requestTimeout: 0 },
      (request, response) => this.onRequest(request, response),
    );
    this.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => this.onUpgrade(request, socket, head));
  }

  /** Resolves with the port. Rejects when it cannot listen; it may be called again then. */
  async listen(): Promise<number> {
    this.server.listen(this.options.port, this.options.host);
    await once(this.server, 'listening');
    return (this.server.address() as AddressInfo).port;
  }

  /** Takes these tables, each unless a newer one of its deployment is there. */
  apply(tables: readonly RouteTable[]): void {
    for (const table of tables) this.index.apply(table);
    this.backends.retire(this.index.replicas);
  }

  live(): LiveRoutes {
    this.server.getConnections((_error, open) => this.counts.connections(open));
    return { versions: this.index.versions, busy: this.backends.retire(this.index.replicas) };
  }

  /**
   * Takes no new connections, lets requests end that are under way, and then cuts what is left. Proxies that ask whether it is there
   * are told first that it is not: what they have sent to a port that closes is lost where nobody has accepted it yet.
   */
  async close(): Promise<void> {
    if (!this.server.listening) return;
    await this.leaveProxies();
    const closed = once(this.server, 'close');
    this.server.close();
    const sweep = setInterval(() => this.server.closeIdleConnections(), SWEEP_MS);
    const cut = setTimeout(() => {
      this.server.closeAllConnections();
      for (const socket of this.upgraded) socket.destroy();
    }, CLOSES_WITHIN_MS);
    await closed;
    clearInterval(sweep);
    clearTimeout(cut);
  }

  /** Serves on until a proxy has heard that this router leaves; not at all where none has asked for it lately. */
  private async leaveProxies(): Promise<void> {
    if (performance.now() - this.checkedAt > CHECKED_WITHIN_MS) return;
    const heard = new Promise<void>((resolve) => (this.onCheck = resolve));
    await Promise.race([heard, sleep(CHECKED_WITHIN_MS, undefined, { ref: false })]);
    await sleep(LAST_ARRIVALS_MS);
  }

  /** Answers a question to this server, and not to a deployment (RFC 9110, 9.3.7). */
  private answerCheck(response: ServerResponse): number {
    const status = this.onCheck ? UNAVAILABLE : NO_CONTENT;
    response.writeHead(status).end(() => this.onCheck?.());
    this.checkedAt = performance.now();
    return status;
  }

  private onRequest(request: IncomingMessage, response: ServerResponse): void {
    const began = performance.now();
    const onAnswer = (status: number): void => this.note(began, status);
    if (request.method === 'OPTIONS' && request.url === '*') {
      onAnswer(this.answerCheck(response));
      return;
    }
    const aim = this.aim(request);
    if (aim.destination) proxyRequest(this.backends, { request, response, ...aim, headers: this.headersOf(request, aim.host), onAnswer });
    else onAnswer(answerInWords(response, aim.fault));
  }

  private onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (isPlain(request)) {
      socket.unshift(Buffer.concat([plainHead(request), head]));
      this.server.emit('connection', socket);
      return;
    }
    const began = performance.now();
    const onAnswer = (status: number): void => this.note(began, status);
    const aim = this.aim(request);
    if (!aim.destination) {
      onAnswer(refuse(socket, aim.fault));
      return;
    }
    this.upgraded.add(socket);
    socket.once('close', () => this.upgraded.delete(socket));
    proxyUpgrade(this.backends, { request, socket, head, ...aim, headers: this.headersOf(request, aim.host), onAnswer });
  }

  private note(began: number, status: number): void {
    if (status === GONE) this.counts.gone();
    else this.counts.answered(status, performance.now() - began);
  }

  private aim({ url = '/', headers }: IncomingMessage): Aim {
    const { host, path } = url.startsWith('/') ? { host: headers.host ?? '', path: url } : partsOf(url);
    if (host === '' || !path.startsWith('/')) return { fault: 'bad request' };
    const destination = this.index.find(nameOf(host), path.split('?', 1)[0] ?? '/');
    if (!destination) return { fault: 'unknown host' };
    return destination.targets.some(({ address }) => address === SIMULATED_ADDRESS) ? { fault: 'simulated' } : { destination, host, path };
  }

  private headersOf({ headers, socket }: IncomingMessage, host: string): ReturnType<typeof forwardedHeaders> {
    const remoteAddress = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
    const trusted = this.trusted.check(remoteAddress, remoteAddress.includes(':') ? 'ipv6' : 'ipv4');
    return forwardedHeaders({ ...headers, host }, { remoteAddress, port: socket.localPort ?? this.options.port, trusted });
  }
}

/** The name without port and final dot, in lower case. */
const nameOf = (host: string): string => host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();

/** Host and path of a request in the form for proxies, which names both: `GET http://host/path`. They hold, whatever `Host` says. */
function partsOf(url: string): { host: string; path: string } {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  return { host: parsed?.host ?? '', path: parsed ? `${parsed.pathname}${parsed.search}` : '' };
}
