import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 20;

/**
 * Deployments that have been placed and whose starts wait while the worker is busy, so that deployments that do not know yet
 * whether there is room for them go first. They are woken as soon as two looks in a row find places free, one of each owner in
 * turn. Should this process die before, their jobs are due after `LONGEST_MS` anyway.
 */
export class WaitingStarts {
  static readonly LONGEST_MS = 5_000;
  private readonly waiting = new Map<string, string[]>();
  private watching = false;

  constructor(
    private readonly freePlaces: () => number,
    private readonly wake: (keys: readonly string[]) => Promise<void>,
  ) {}

  add(key: string, ownerId: string): void {
    const own = this.waiting.get(ownerId) ?? [];
    own.push(key);
    this.waiting.set(ownerId, own);
    if (!this.watching) void this.watch();
  }

  private async watch(): Promise<void> {
    this.watching = true;
    const end = (): boolean => this.waiting.size === 0;
    for (let before = 0; !end();) {
      await sleep(LOOK_MS, undefined, { ref: false });
      const now = this.freePlaces();
      const free = Math.min(before, now);
      before = now;
      // If waking fails, the job becomes due by itself a little later.
      if (free > 0) await this.wake(this.take(free)).catch(() => undefined);
    }
    this.watching = false;
  }

  private take(count: number): string[] {
    const taken: string[] = [];
    while (taken.length < count) {
      const [next] = this.waiting;
      if (!next) break;
      const [ownerId, own] = next;
      taken.push(...own.splice(0, 1));
      // An owner that has more goes to the end of the line.
      this.waiting.delete(ownerId);
      if (own.length > 0) this.waiting.set(ownerId, own);
    }
    return taken;
  }
}
