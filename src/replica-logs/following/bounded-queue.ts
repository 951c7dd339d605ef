/** Things on their way from several writers to one reader. A writer waits while the queue is full, so it never grows. */
export class BoundedQueue<T> {
  private readonly items: T[] = [];
  private readonly waiting: (() => void)[] = [];
  private closed = false;

  /** `onItem` is called whenever something has come. */
  constructor(
    private readonly most: number,
    private readonly onItem: () => void,
  ) {}

  /** Resolves once the item is in the queue; what comes after `close` is dropped. */
  async put(item: T): Promise<void> {
    while (this.items.length >= this.most && !this.closed) await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (this.closed) return;
    this.items.push(item);
    this.onItem();
  }

  take(): T | undefined {
    const item = this.items.shift();
    this.waiting.shift()?.();
    return item;
  }

  close(): void {
    this.closed = true;
    for (const resume of this.waiting.splice(0)) resume();
  }
}
