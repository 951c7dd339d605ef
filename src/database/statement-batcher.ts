import { postgresCode } from './postgres-error';

/**
 * Larger batches would leave one core idle while the other works: the service and the database work on several batches at a
 * time.
 */
const MAX_BATCH = 4;

interface Waiting<Q, R> {
  readonly query: Q;
  readonly resolve: (result: R | null) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Answers with one statement all queries that are asked within one turn of the event loop. Under load that saves most of the
 * round trips to the database, and a lone query does not wait. `read` returns one result per query, in their order, or null. If
 * the server fails a statement, each query is asked again alone, so that one cannot fail the others. At most `most` queries
 * share a statement.
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
      // An error without a code means that the connection is lost, so asking each query alone would fail too.
      if (batch.length > 1 && postgresCode(error) !== undefined) for (const one of batch) void this.readTogether([one]);
      else for (const { reject } of batch) reject(error);
    }
  }
}
