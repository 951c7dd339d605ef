import { Logger } from '@nestjs/common';
import type { PubSub } from './pub-sub';

/** Gets what a look has shown; null when there is no such thing any more. */
type Listener<T> = (found: T | null) => void;

interface Watched<T> {
  /** Reads many with one statement, and leaves out what does not exist. */
  readonly read: (ids: readonly string[]) => Promise<ReadonlyMap<string, T>>;
  readonly pubSub: PubSub;
  /** Hints about these topics have an id as their payload. */
  readonly topics: readonly string[];
}

const LOOK_ANYWAY_MS = 1_000;

/**
 * Looks at the rows that somebody waits for: on every hint about one, and at all of them each second. One statement serves all who
 * wait, however many they are. It reads nothing while nobody waits.
 */
export class SharedWatch<T> {
  private readonly logger = new Logger(this.constructor.name);
  private readonly listeners = new Map<string, Set<Listener<T>>>();
  private readonly due = new Set<string>();
  private reading: Promise<void> | undefined;
  private rest: () => void = () => undefined;

  constructor(private readonly watched: Watched<T>) {}

  onModuleDestroy(): void {
    this.listeners.clear();
    this.rest();
  }

  /** Has `listener` told what every look shows that begins from now on, the first one at once. Returns the function that ends that. */
  join(id: string, listener: Listener<T>): () => void {
    if (this.listeners.size === 0) this.begin();
    const known = this.listeners.get(id) ?? new Set();
    this.listeners.set(id, known.add(listener));
    this.look([id]);
    return () => {
      known.delete(listener);
      if (known.size > 0 || this.listeners.get(id) !== known) return;
      this.listeners.delete(id);
      if (this.listeners.size === 0) this.rest();
    };
  }

  private begin(): void {
    const hinted = (id: string): void => this.look([id]);
    const ends = this.watched.topics.map((topic) => this.watched.pubSub.subscribe(topic, hinted));
    const timer = setInterval(() => this.look(this.listeners.keys()), LOOK_ANYWAY_MS);
    this.rest = () => {
      clearInterval(timer);
      for (const end of ends) end();
    };
  }

  private look(ids: Iterable<string>): void {
    for (const id of ids) if (this.listeners.has(id)) this.due.add(id);
    if (this.due.size === 0) return;
    this.reading ??= this.readOn()
      .catch((error: unknown) => this.logger.warn(`Deployments could not be looked at, trying again: ${String(error)}`))
      .finally(() => {
        this.reading = undefined;
        this.look([]);
      });
  }

  /** Tells only those who had joined before the statement began: others could take a state of before their request for that after it. */
  private async readOn(): Promise<void> {
    while (this.due.size > 0) {
      const asked = [...this.due].map((id) => [id, [...(this.listeners.get(id) ?? [])]] as const);
      this.due.clear();
      const found = await this.watched.read(asked.map(([id]) => id));
      for (const [id, listeners] of asked) for (const listener of listeners) listener(found.get(id) ?? null);
    }
  }
}
