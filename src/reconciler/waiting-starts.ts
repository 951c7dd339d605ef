import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 20;

/**
 * Deployments that have their places and let those go before that do not know yet whether there is room. They are woken as
 * soon as the worker has places free for two looks in a row; their jobs are due after `LONGEST_MS` anyway, should this
 * process not live to do it.
 */
export class WaitingStarts {
  static readonly LONGEST_MS = 5_000;
  private waiting: string[] = [];
  private watching = false;

  constructor(
    private readonly freePlaces: () => number,
    private readonly wake: (keys: readonly string[]) => Promise<void>,
  ) {}

  add(key: string): void {
    this.waiting.push(key);
    if (!this.watching) void this.watch();
  }

  private async watch(): Promise<void> {
    this.watching = true;
    const end = (): boolean => this.waiting.length === 0;
    for (let before = 0; !end();) {
      await sleep(LOOK_MS, undefined, { ref: false });
      const now = this.freePlaces();
      const free = Math.min(before, now);
      before = now;
      // A job that could not be woken comes by itself a little later.
      if (free > 0) await this.wake(this.waiting.splice(0, free)).catch(() => undefined);
    }
    this.watching = false;
  }
}
