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
 * share a statement. While `atOnce` statements are under way, what is asked waits and shares the next one: the more there is to do,
 * the more share one. That is for statements that wait for no lock.
 */
export class StatementBatcher<Q, R> {
  private readonly waiting: Waiting<Q, R>[] = [];
  private underWay = 0;

  constructor(
    private readonly read: (queries: readonly Q[]) => Promise<readonly (R | null)[]>,
    private readonly most = MAX_BATCH,
    private readonly atOnce = Infinity,
  ) {}

  get(query: Q): Promise<R | null> {
    return new Promise((resolve, reject) => {
      if (this.waiting.push({ query, resolve, reject }) === 1) setImmediate(() => this.readAll());
    });
  }

  private readAll(): void {
    while (this.waiting.length > 0 && this.underWay < this.atOnce) {
      this.underWay++;
      void this.readTogether(this.waiting.splice(0, this.most)).finally(() => {
        this.underWay--;
        // Whoever has just got its answer may ask the next question now, and share the statement.
        setImmediate(() => this.readAll());
      });
    }
  }

  private async readTogether(batch: readonly Waiting<Q, R>[]): Promise<void> {
    try {
      const results = await this.read(batch.map(({ query }) => query));
      batch.forEach(({ resolve }, index) => resolve(results[index] ?? null));
    } catch (error) {
      // An error without a code means that the connection is lost, so asking each query alone would fail too.
      if (batch.length > 1 && postgresCode(error) !== undefined) await Promise.all(batch.map((one) => this.readTogether([one])));
      else for (const { reject } of batch) reject(error);
    }
  }
}
