import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { engineAddress } from '../support/engine';

/**
 * `drop`: the engine never hears of it. `lose`: it does the work and its answer never arrives. `cut`: the answer breaks off
 * in the middle. `clockAheadMs`: the times of a container in the answer are those of an engine whose clock is so much ahead.
 */
export type Interference =
  'pass' | 'drop' | 'lose' | 'cut' | { readonly clockAheadMs: number } | { readonly status: number; readonly body: unknown };

export interface EngineProxy {
  readonly endpoint: string;
  /** `POST create`, `POST start`, `GET list`, …: what has been asked so far. */
  readonly asked: string[];
  /** Decides what happens to the next request; called once for each. */
  interfere: (asked: string) => Interference;
  /** Called when the engine has answered, before the answer is handed on. */
  answered: (asked: string) => void;
  close(): Promise<void>;
}

/** A proxy between the driver and a real engine that disturbs requests as bad networks and engines do. */
export async function startEngineProxy(): Promise<EngineProxy> {
  const proxy: Omit<EngineProxy, 'endpoint' | 'close'> = { asked: [], interfere: () => 'pass', answered: () => undefined };
  const server = createServer((incoming, outgoing) => forward(proxy, incoming, outgoing));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(proxy, {
    endpoint: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

const nameOf = ({ method = '', url = '' }: IncomingMessage): string => {
  const path = url.split('?')[0] ?? '';
  if (path === '/containers/json') return `${method} list`;
  if (path.startsWith('/networks')) return `${method} network`;
  if (method === 'DELETE') return `${method} container`;
  return `${method} ${path.split('/').at(-1)}`;
};

const shifted = (body: string, ms: number): string =>
  body
    .replaceAll(/"(Created|StartedAt|FinishedAt)":"(2[^"]+)"/g, (_all, name: string, time: string) =>
      JSON.stringify({ [name]: new Date(Date.parse(time) + ms).toISOString() }).slice(1, -1),
    )
    .replaceAll(/"Created":(\d+)/g, (_all, seconds: string) => `"Created":${Number(seconds) + Math.round(ms / 1000)}`);

function forward(proxy: Omit<EngineProxy, 'endpoint' | 'close'>, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const asked = nameOf(incoming);
  proxy.asked.push(asked);
  const interference = proxy.interfere(asked);
  if (typeof interference === 'object' && 'status' in interference) {
    outgoing.writeHead(interference.status, { 'Content-Type': 'application/json' }).end(JSON.stringify(interference.body));
    incoming.resume();
    return;
  }
  if (interference === 'drop') return void outgoing.destroy();
  const { method, url: path, headers } = incoming;
  const address = engineAddress();
  const engine = 'path' in address ? { socketPath: address.path } : address;
  const onward = request({ ...engine, method, path, headers }, (answer) => {
    proxy.answered(asked);
    if (interference === 'lose') return void outgoing.destroy();
    if (typeof interference === 'object') {
      outgoing.writeHead(answer.statusCode ?? 500, { 'Content-Type': answer.headers['content-type'] ?? 'application/json' });
      void text(answer).then((body) => outgoing.end(shifted(body, interference.clockAheadMs)));
      return;
    }
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    if (interference === 'pass') return void answer.pipe(outgoing);
    answer.once('data', (chunk: Buffer) => outgoing.write(chunk.subarray(0, 10), () => outgoing.destroy()));
  });
  onward.on('error', () => outgoing.destroy());
  outgoing.on('close', () => onward.destroy());
  incoming.pipe(onward);
}
