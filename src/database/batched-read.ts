const MAX_IN_FLIGHT = 2;
const MAX_BATCH = 32;

interface Waiting<Q, R> {
  readonly query: Q;
  readonly resolve: (result: R | null) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Asks for many things with one statement when many are wanted at once: what comes while two statements are under way is
 * collected for the next. A lone request goes at once and waits for nobody. `read` gives one result a query, in their
 * order, null where there is none; when it fails, those who asked together get its error, and nobody else.
 */
export class BatchedRead<Q, R> {
  private waiting: Waiting<Q, R>[] = [];
  private inFlight = 0;

  constructor(private readonly read: (queries: readonly Q[]) => Promise<readonly (R | null)[]>) {}

  get(query: Q): Promise<R | null> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ query, resolve, reject });
      this.next();
    });
  }

  private next(): void {
    if (this.waiting.length === 0 || this.inFlight >= MAX_IN_FLIGHT) return;
    const batch = this.waiting.splice(0, MAX_BATCH);
    this.inFlight++;
    this.read(batch.map(({ query }) => query))
      .then(
        (results) => batch.forEach(({ resolve }, index) => resolve(results[index] ?? null)),
        (error: unknown) => batch.forEach(({ reject }) => reject(error)),
      )
      .finally(() => {
        this.inFlight--;
        this.next();
      });
  }
}
