import { AsyncLocalStorage } from 'node:async_hooks';

const current = new AsyncLocalStorage<string>();

/** The lane of the transactions of requests. Work outside of all lanes is reads of requests. */
const CHANGES = 'changes';

/** Runs `work`, whose connections to the database count for this lane of the background: the kind of a job. */
export const inLane = <T>(lane: string, work: () => T): T => current.run(lane, work);

/** Whether `openForChange` asks for a connection right now. */
let isForChange = false;

/**
 * Asks for the connection of a transaction: one of a request counts for the lane of changes, one of the background stays in its
 * lane. `open` has to ask for it before it waits for anything. A context of its own for each request would cost every promise of
 * the process something.
 */
export function openForChange<T>(open: () => T): T {
  isForChange = true;
  try {
    return open();
  } finally {
    isForChange = false;
  }
}

export const currentLane = (): string | undefined => current.getStore() ?? (isForChange ? CHANGES : undefined);

interface Waiting {
  readonly lane: string;
  readonly enter: () => void;
}

/**
 * Shares the connections of one pool. All of the background together, and each kind of its jobs, may have only some of them,
 * and what changes something may not have the last ones: whatever hangs on a lock, reads still find a connection, and so do
 * the other kinds of jobs. A pool of fewer than five connections has nothing to keep for anybody.
 */
export class ConnectionLanes {
  private readonly taken = new Map<string, number>();
  private readonly waiting = new Set<Waiting>();
  private readonly forChanges: number;
  private readonly forBackground: number;
  private readonly forKind: number;

  constructor(size: number, { servesRequests }: { readonly servesRequests: boolean }) {
    const some = Math.floor(size / 5);
    this.forChanges = size - (servesRequests ? some : Math.min(some, 1));
    this.forBackground = servesRequests ? size - 2 * some : this.forChanges;
    this.forKind = this.forBackground - some;
  }

  /** How many wait for a place of their lane. */
  get waitingCount(): number {
    return this.waiting.size;
  }

  /** Calls `enter` as soon as the lane has a place, and `giveUp` instead when that takes longer than `withinMs`; 0: no limit. */
  enter(lane: string, enter: () => void, { withinMs, giveUp }: { withinMs: number; giveUp: () => void }): void {
    if (this.hasPlace(lane)) {
      this.count(lane, 1);
      enter();
      return;
    }
    const waiting: Waiting = {
      lane,
      enter: () => {
        clearTimeout(timer);
        enter();
      },
    };
    const tooLong = (): void => {
      if (this.waiting.delete(waiting)) giveUp();
    };
    const timer = withinMs > 0 ? setTimeout(tooLong, withinMs) : undefined;
    this.waiting.add(waiting);
  }

  /** Gives the place back, and lets those enter who have waited longest and find one. */
  leave(lane: string): void {
    this.count(lane, -1);
    for (const waiting of this.waiting) {
      if (!this.hasPlace(waiting.lane)) continue;
      this.waiting.delete(waiting);
      this.count(waiting.lane, 1);
      waiting.enter();
    }
  }

  private hasPlace(lane: string): boolean {
    return this.limitsOf(lane).every(([group, most]) => (this.taken.get(group) ?? 0) < most);
  }

  private count(lane: string, change: 1 | -1): void {
    for (const [group] of this.limitsOf(lane)) this.taken.set(group, (this.taken.get(group) ?? 0) + change);
  }

  /** The groups that a connection of this lane counts for, each with the most that it may have. */
  private limitsOf(lane: string): readonly (readonly [group: string, most: number])[] {
    const all = ['all changes', this.forChanges] as const;
    return lane === CHANGES ? [all] : [all, ['background', this.forBackground], [lane, this.forKind]];
  }
}
