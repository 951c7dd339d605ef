import { postgresCode } from './postgres-error';

/** More reads of a request would leave one core waiting for the other: service and database work on several at a time. */
const MAX_BATCH = 4;

interface Waiting<Q, R> {
  readonly query: Q;
  readonly resolve: (result: R | null) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Asks with one statement for what is wanted within one turn of the event loop: under load that saves most of the way to the
 * database and back, and a lone request waits for nobody. `read` gives one result a query, in their order, null where there is
 * none. A statement that the server refuses or gives up is asked again for each query alone, so that one cannot fail the others.
 * At most `most` go together.
 */
export class StatementBatcher<Q, R> {
  private waiting: Waiting<Q, R>[] = [];

  constructor(
    private readonly read: (queries: readonly Q[]) => Promise<readonly (R | null)[]>,
    private readonly most = MAX_BATCH,
  ) {}

  get(query: Q): Promise<R | null> {
    return new Promise((resolve, reject) => {
      if (this.waiting.push({ query, resolve, reject }) === 1) setImmediate(() => this.readAll());
    });
  }

  private readAll(): void {
    const all = this.waiting;
    this.waiting = [];
    for (let start = 0; start < all.length; start += this.most) void this.readTogether(all.slice(start, start + this.most));
  }

  private async readTogether(batch: readonly Waiting<Q, R>[]): Promise<void> {
    try {
      const results = await this.read(batch.map(({ query }) => query));
      batch.forEach(({ resolve }, index) => resolve(results[index] ?? null));
    } catch (error) {
      // Without a code the connection is lost, and with it what each of them would have asked.
      if (batch.length > 1 && postgresCode(error) !== undefined) for (const one of batch) void this.readTogether([one]);
      else for (const { reject } of batch) reject(error);
    }
  }
}
