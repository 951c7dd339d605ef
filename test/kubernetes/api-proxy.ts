import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { load } from 'js-yaml';
import { authority, certificateOf } from '../support/certificates';
import { kubeconfig } from './cluster-under-test';

/**
 * `drop`: the API server never hears of it. `lose`: it does the work and its answer never arrives. `cut`: the answer breaks off in the
 * middle. `delayMs`: it comes so much later. `status`: the proxy answers itself.
 */
export type Interference =
  | 'pass'
  | 'drop'
  | 'lose'
  | 'cut'
  | { readonly delayMs: number }
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body: object };

/** Whose certificate the proxy shows: only that of `server` is valid. */
type Shown = 'server' | 'stranger' | 'expired-client';

interface Config {
  readonly clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
}

/** A proxy before the API server of the test cluster that disturbs requests as bad networks and overloaded servers do. */
export class ApiProxy {
  /** `POST jobs`, `LIST pods`, `WATCH pods`, …: what has been asked so far. */
  readonly asked: string[] = [];
  /** Decides what happens to the next request; called once for each. */
  interfere: (asked: string) => Interference = () => 'pass';
  private readonly server = createServer(certificateOf('server'), (incoming, outgoing) => void this.forward(incoming, outgoing));
  private readonly config = load(kubeconfig()) as Config;
  private readonly agent = new Agent({ keepAlive: true, ca: Buffer.from(this.cluster['certificate-authority-data'], 'base64') });

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `https://127.0.0.1:${String((this.server.address() as AddressInfo).port)}`;
  }

  /** The kubeconfig of an administrator of the cluster, or `text`, with this proxy as its server. */
  through(text = kubeconfig()): string {
    const config = load(text) as Config;
    const data = Buffer.from(authority('ca')).toString('base64');
    Object.assign(config.clusters[0].cluster, { server: this.url, 'certificate-authority-data': data });
    return JSON.stringify(config);
  }

  /** From now on one question is answered otherwise, `times` times. */
  disturb(question: string, interference: Interference, times = 1): void {
    let left = times;
    this.interfere = (asked) => (asked === question && left-- > 0 ? interference : 'pass');
  }

  /** Ends all connections. New ones get this certificate. */
  showCertificateOf(owner: Shown): void {
    this.server.setSecureContext(certificateOf(owner));
    this.server.closeAllConnections();
  }

  breakConnections(): void {
    this.server.closeAllConnections();
  }

  close(): Promise<void> {
    this.agent.destroy();
    return new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private get cluster(): Config['clusters'][0]['cluster'] {
    return this.config.clusters[0].cluster;
  }

  private async forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const asked = nameOf(incoming);
    this.asked.push(asked);
    const interference = this.interfere(asked);
    if (interference === 'drop') return void outgoing.destroy();
    if (typeof interference === 'object' && 'status' in interference) {
      const headers = { 'Content-Type': 'application/json', ...interference.headers };
      outgoing.writeHead(interference.status, headers).end(`${JSON.stringify(interference.body)}\n`);
      return void incoming.resume();
    }
    if (typeof interference === 'object') await sleep(interference.delayMs);
    const { method, url: path, headers } = incoming;
    const { hostname, port } = new URL(this.cluster.server);
    const onward = request({ hostname, port, agent: this.agent, method, path, headers }, (answer) => {
      if (interference === 'lose') {
        answer.resume();
        return void outgoing.destroy();
      }
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      outgoing.flushHeaders(); // of a watch there may be no more for a long time
      answer.on('error', () => outgoing.destroy());
      if (interference !== 'cut') return void answer.pipe(outgoing);
      answer.once('data', (chunk: Buffer) => outgoing.write(chunk.subarray(0, chunk.length / 2), () => outgoing.destroy()));
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  }
}

/** The verb and the resource: `GET` of a collection is `LIST`, or `WATCH`. */
function nameOf({ method = '', url = '' }: IncomingMessage): string {
  const { pathname, searchParams } = new URL(url, 'https://cluster');
  const [, resource = '', name] = /^\/apis?(?:\/[^/]+)?\/v\w+(?:\/namespaces\/[^/]+(?=\/))?\/([^/]+)(?:\/(.+))?$/.exec(pathname) ?? [];
  if (method !== 'GET') return `${method} ${resource}`;
  return `${name !== undefined ? 'GET' : searchParams.has('watch') ? 'WATCH' : 'LIST'} ${resource}`;
}
