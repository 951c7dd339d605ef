import { throwIfAborted } from '../abort';
import type { PubSub } from '../../database/pub-sub';
import { AGENT_TOPICS } from './topics';

type Change = { readonly deploymentId: string; readonly replicaId: string };

/** The hints about agents that this process gets, shared out among those who wait. */
export class AgentHints {
  private readonly waiting = new Map<string, Set<() => void>>();
  private readonly watching = new Map<string, Set<(change: Change) => void>>();
  private readonly offs: (() => void)[];

  constructor(pubSub: PubSub) {
    const wake = (key: string): void => {
      for (const wakeUp of this.waiting.get(key) ?? []) wakeUp();
    };
    this.offs = [
      pubSub.subscribe(AGENT_TOPICS.reports, wake),
      pubSub.subscribe(AGENT_TOPICS.parts, wake),
      pubSub.subscribe(AGENT_TOPICS.changes, (payload) => {
        const [nodeId = '', deploymentId = '', replicaId = ''] = payload.split(' ');
        for (const tell of this.watching.get(nodeId) ?? []) tell({ deploymentId, replicaId });
      }),
    ];
  }

  /** Begins to listen for the next hint about a node or a call, so that none is missed between a look and the wait. */
  listen(key: string): { next(ms: number, signal: AbortSignal): Promise<void>; end(): void } {
    let told = false;
    let resume: (() => void) | null = null;
    const wakeUp = (): void => {
      told = true;
      resume?.();
    };
    const off = addTo(this.waiting, key, wakeUp);
    return {
      end: off,
      next: async (ms, signal) => {
        throwIfAborted(signal);
        if (!told) await new Promise<void>((resolve) => waitUntil(resolve, (wake) => (resume = wake), { ms, signal }));
        resume = null;
        told = false;
        throwIfAborted(signal);
      },
    };
  }

  /** Calls `tell` for each change of a workload on the node that is heard of. Returns a function that ends that. */
  watch(nodeId: string, tell: (change: Change) => void): () => void {
    return addTo(this.watching, nodeId, tell);
  }

  close(): void {
    for (const off of this.offs) off();
  }
}

/** Calls `resolve` once: after the time, at the abort, or when what `onWake` was given is called. */
function waitUntil(resolve: () => void, onWake: (wake: () => void) => void, { ms, signal }: { ms: number; signal: AbortSignal }): void {
  const done = (): void => {
    clearTimeout(timer);
    signal.removeEventListener('abort', done);
    resolve();
  };
  const timer = setTimeout(done, ms);
  signal.addEventListener('abort', done, { once: true });
  onWake(done);
}

function addTo<T>(map: Map<string, Set<T>>, key: string, entry: T): () => void {
  const entries = map.get(key) ?? new Set<T>();
  map.set(key, entries.add(entry));
  return () => {
    entries.delete(entry);
    if (entries.size === 0 && map.get(key) === entries) map.delete(key);
  };
}
