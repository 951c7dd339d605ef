import type { V1Pod } from '@kubernetes/client-node';
import { throwIfAborted } from '../abort';

/** While changes are told, nobody looks more often than this without one: a connection may be dead and not know it. */
const SELDOM_MS = 5_000;

/** Wakes those who wait for a change of one replica on one node. Waits are no worse than polling while nothing is told. */
export class ReplicaNews {
  private told = false;
  private count = 0;
  private readonly waits = new Map<string, Set<NewsWait>>();

  /** Whether the changes of the cluster are told at present. */
  get isTold(): boolean {
    return this.told;
  }

  set isTold(value: boolean) {
    this.told = value;
    this.noteChange(); // nobody knows what has changed while it was not told
  }

  /** Counts what has changed in this part of the cluster: while it stays the same and changes are told, so does what a list shows. */
  get changes(): number {
    return this.count;
  }

  noteChange(): void {
    this.count += 1;
  }

  /** `pod`: as it is now; null when something of the replica has gone, so that whoever waits has to look. */
  note(replicaId: string, pod: V1Pod | null): void {
    for (const wait of this.waits.get(replicaId) ?? []) wait.tell(pod);
  }

  /** Follows one replica while `work` lasts: no change since its beginning is missed. */
  async during<T>(replicaId: string, work: (wait: NewsWait) => Promise<T>): Promise<T> {
    const wait = new NewsWait(this);
    const own = this.waits.get(replicaId) ?? new Set();
    this.waits.set(replicaId, own.add(wait));
    try {
      return await work(wait);
    } finally {
      own.delete(wait);
      if (own.size === 0) this.waits.delete(replicaId);
    }
  }
}

/** One who waits. */
export class NewsWait {
  /** Undefined: nothing was told since the last time; null: something has gone. */
  private news: V1Pod | null | undefined;
  private onWake: (() => void) | null = null;

  constructor(private readonly source: Pick<ReplicaNews, 'isTold'>) {}

  tell(pod: V1Pod | null): void {
    this.news = this.news === null ? null : pod;
    this.onWake?.();
  }

  /**
   * Resolves at the next change, with the Pod as it is then, or null when it is time to look: something has gone, or `pollMs` are over
   * while no changes are told. Throws `aborted`.
   */
  async next(pollMs: number, signal: AbortSignal): Promise<V1Pod | null> {
    throwIfAborted(signal);
    if (this.news === undefined) await this.changeWithin(this.source.isTold ? SELDOM_MS : pollMs, signal);
    throwIfAborted(signal);
    const { news = null } = this;
    this.news = undefined;
    return news;
  }

  private async changeWithin(ms: number, signal: AbortSignal): Promise<void> {
    let wake = (): void => undefined;
    const woken = new Promise<void>((resolve) => (wake = resolve));
    this.onWake = wake;
    const timer = setTimeout(wake, ms);
    signal.addEventListener('abort', wake, { once: true });
    await woken;
    this.onWake = null;
    clearTimeout(timer);
    signal.removeEventListener('abort', wake);
  }
}
