import { parentPort, workerData } from 'node:worker_threads';
import { networksOf } from '../../common/networks';
import type { RouteTable } from '../route-table';
import { Router } from './router';
import { TrafficCounts } from './traffic-counts';

/** What the thread is started with. */
export interface RouterThreadData {
  readonly host: string;
  readonly port: number;
  readonly trustedProxies: string;
  /** Of `TrafficCounts`. */
  readonly counts: SharedArrayBuffer;
}

export type ToRouter =
  | { readonly kind: 'apply'; readonly tables: readonly RouteTable[] }
  | { readonly kind: 'live'; readonly question: number }
  | { readonly kind: 'close' };

export type FromRouter =
  | { readonly kind: 'listens'; readonly port: number }
  | { readonly kind: 'cannot listen'; readonly words: string }
  | { readonly kind: 'live'; readonly question: number; readonly versions: ReadonlyMap<string, number>; readonly busy: readonly string[] };

const LISTEN_AGAIN_MS = 1_000;

/** The router runs in a thread of its own, so that requests to deployments and requests to the API never wait for each other. */
function main(port: NonNullable<typeof parentPort>): void {
  const { host, port: number, trustedProxies, counts } = workerData as RouterThreadData;
  const trusted = networksOf('TRUSTED_PROXIES', trustedProxies);
  const router = new Router({ host, port: number, trusted }, new TrafficCounts(counts));
  const tell = (message: FromRouter): void => port.postMessage(message);
  let again: NodeJS.Timeout | undefined;
  let begun = false;
  const listen = (): void => {
    router.listen().then(
      (listening) => tell({ kind: 'listens', port: listening }),
      (error: unknown) => {
        tell({ kind: 'cannot listen', words: error instanceof Error ? error.message : String(error) });
        again = setTimeout(listen, LISTEN_AGAIN_MS);
      },
    );
  };
  port.on('message', (message: ToRouter) => {
    switch (message.kind) {
      case 'apply':
        router.apply(message.tables);
        // Not before: a router without its tables would answer 404 for names that another one beside it knows.
        if (!begun) listen();
        begun = true;
        return;
      case 'live':
        tell({ kind: 'live', question: message.question, ...router.live() });
        return;
      case 'close':
        clearTimeout(again);
        void router.close().finally(() => port.close());
    }
  });
}

if (parentPort) main(parentPort);
