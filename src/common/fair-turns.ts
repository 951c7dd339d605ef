export interface TurnLimits {
  /** How much work runs at a time, of all owners together. */
  readonly total: number;
  readonly perOwner: number;
}

interface Waiting {
  readonly begin: () => void;
}

/**
 * Lets so much work run at a time, and takes turns between its owners: who waits with a hundred things delays another owner's
 * first one by at most one of them.
 */
export class FairTurns {
  private readonly waiting = new Map<string, Set<Waiting>>();
  private readonly running = new Map<string, number>();
  private total = 0;

  constructor(private readonly limits: TurnLimits) {}

  /** True while nothing runs and nothing waits. */
  get idle(): boolean {
    return this.total === 0 && this.waiting.size === 0;
  }

  /** Runs `work` when it is the owner's turn. Rejects with the signal's reason when that fires before. */
  async run<T>(owner: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.turn(owner, signal);
    try {
      return await work();
    } finally {
      this.end(owner);
    }
  }

  private turn(owner: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const leave = (): void => {
        this.remove(owner, entry);
        reject(signal.reason as Error);
      };
      const entry: Waiting = {
        begin: () => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      const line = this.waiting.get(owner) ?? new Set();
      this.waiting.set(owner, line.add(entry));
      this.next();
    });
  }

  private end(owner: string): void {
    this.total -= 1;
    const left = (this.running.get(owner) ?? 1) - 1;
    if (left === 0) this.running.delete(owner);
    else this.running.set(owner, left);
    this.next();
  }

  private next(): void {
    while (this.total < this.limits.total) {
      const next = this.firstInTurn();
      if (next === undefined) return;
      const { owner, line, entry } = next;
      line.delete(entry);
      // The owner goes behind all others that wait.
      this.waiting.delete(owner);
      if (line.size > 0) this.waiting.set(owner, line);
      this.total += 1;
      this.running.set(owner, (this.running.get(owner) ?? 0) + 1);
      entry.begin();
    }
  }

  private firstInTurn(): { owner: string; line: Set<Waiting>; entry: Waiting } | undefined {
    for (const [owner, line] of this.waiting) {
      if ((this.running.get(owner) ?? 0) >= this.limits.perOwner) continue;
      for (const entry of line) return { owner, line, entry };
    }
    return undefined;
  }

  private remove(owner: string, entry: Waiting): void {
    const line = this.waiting.get(owner);
    line?.delete(entry);
    if (line?.size === 0) this.waiting.delete(owner);
  }
}
