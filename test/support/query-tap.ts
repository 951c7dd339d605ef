import type { DataSource, QueryRunner } from 'typeorm';

export interface Statement {
  readonly sql: string;
  readonly inTransaction: boolean;
  /** The connection that it will run on. */
  readonly runner: QueryRunner;
}

type After = () => void;
/**
 * Is called before every statement. If it throws, the statement fails with the same error. A function that it returns is called
 * after the statement.
 */
export type Listener = (statement: Statement) => After | undefined | Promise<After | undefined>;

/** Every process asks now and then which encryption key counts. */
const OF_ITS_OWN = /\bFROM shared_secrets$/;

/** Lets tests see, count and break the statements of an application, but for those of its own. Transaction commands count as statements. */
export class QueryTap {
  private listener: Listener | null = null;

  constructor(dataSource: DataSource) {
    const create = dataSource.createQueryRunner.bind(dataSource);
    dataSource.createQueryRunner = (...args) => this.tap(create(...args));
  }

  /** Passes every statement to `listener` while `work` runs. */
  async while<T>(listener: Listener, work: () => PromiseLike<T>): Promise<T> {
    this.listener = listener;
    try {
      return await work();
    } finally {
      this.listener = null;
    }
  }

  /** The statements that run while `work` does. */
  async statements(work: () => PromiseLike<unknown>): Promise<Statement[]> {
    const seen: Statement[] = [];
    await this.while((statement) => {
      seen.push(statement);
      return undefined;
    }, work);
    return seen;
  }

  private tap(runner: QueryRunner): QueryRunner {
    const query = runner.query.bind(runner) as (...args: unknown[]) => Promise<unknown>;
    runner.query = async (...args: unknown[]) => {
      const sql = String(args[0]);
      if (OF_ITS_OWN.test(sql)) return (await query(...args)) as never;
      const after = await this.listener?.({ sql, inTransaction: runner.isTransactionActive || sql === 'START TRANSACTION', runner });
      const result = await query(...args);
      after?.();
      return result as never;
    };
    return runner;
  }
}
