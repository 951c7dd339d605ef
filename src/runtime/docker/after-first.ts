/**
 * Lets the first of several callers with one key work alone, and the others after it, all at once. For work that finds at once
 * that it is done: many starts of one owner would otherwise make the same network against each other, which keeps an engine
 * busy for seconds.
 */
export class AfterFirst {
  private readonly first = new Map<string, Promise<unknown>>();

  /** The others work even if the first has failed; it may have been called off. */
  async run(key: string, work: () => Promise<void>): Promise<void> {
    const first = this.first.get(key);
    if (first) {
      await first;
      return work();
    }
    const mine = work();
    this.first.set(
      key,
      mine.catch(() => undefined),
    );
    try {
      await mine;
    } finally {
      this.first.delete(key);
    }
  }
}
