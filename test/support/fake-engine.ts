import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LABEL } from '../../src/runtime/docker/docker-labels';

export interface FakeEngine {
  /** The value for `nodes.endpoint`. */
  readonly endpoint: string;
  /** The paths that were requested, without queries, in order. */
  readonly asked: string[];
  /** The replicas whose containers a list of all has. */
  readonly replicas: string[];
  /** How many requests have no answer yet. */
  readonly open: () => number;
  close(): Promise<void>;
}

export type FakeEngineMood = 'silent' | 'hangs up' | { readonly log: string };

/** Answers like a container engine on which every container exists and has written `log`. */
export async function startFakeEngine(mood: FakeEngineMood): Promise<FakeEngine> {
  const asked: string[] = [];
  const replicas: string[] = [];
  let open = 0;
  const server = createServer((request, response) => {
    asked.push((request.url ?? '').split('?')[0] ?? '');
    open += 1;
    response.once('close', () => (open -= 1));
    if (mood === 'hangs up') response.destroy();
    else if (mood !== 'silent') answer(request, response, { log: mood.log, replicas });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    ...{ endpoint: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, replicas, open: () => open },
    close: async () => {
      const closed = once(server.close(), 'close');
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(
  { url = '' }: IncomingMessage,
  response: ServerResponse,
  { log, replicas }: { readonly log: string; readonly replicas: readonly string[] },
): void {
  const { pathname, searchParams } = new URL(url, 'http://engine');
  if (pathname !== '/containers/json') return void response.end(log);
  const { label } = JSON.parse(searchParams.get('filters') ?? '{}') as { label: string[] };
  const wanted = Object.fromEntries(label.map((pair) => pair.split('='))) as Record<string, string>;
  const labels = LABEL.replica in wanted ? [wanted] : replicas.map((id) => ({ ...wanted, [LABEL.replica]: id }));
  response.end(JSON.stringify(labels.map((Labels) => ({ Id: 'c1', Labels }))));
}
