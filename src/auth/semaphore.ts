/** At most `slots` pieces of work at once; at most `maxWaiting` more wait their turn, and `onFull` makes the error for the rest. */
export class Semaphore {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(
    slots: number,
    private readonly maxWaiting: number,
    private readonly onFull: () => Error,
  ) {
    this.free = slots;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.enter();
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  private async enter(): Promise<void> {
    if (this.free > 0) {
      this.free--;
      return;
    }
    if (this.waiting.length >= this.maxWaiting) throw this.onFull();
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** Gives the slot to the next that waits, so that no newcomer takes it first. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.free++;
  }
}
