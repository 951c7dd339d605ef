import type { DataSource, QueryRunner } from 'typeorm';

export interface Statement {
  readonly sql: string;
  readonly inTransaction: boolean;
  /** The connection that it will run on. */
  readonly runner: QueryRunner;
}

type After = () => void;
/**
 * Is called before every statement, in their order. If it throws, the statement fails at the server, and with the same error. A function
 * that it returns is called after the statement.
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
    const connect = runner.connect.bind(runner) as () => Promise<Client>;
    let tapped: Promise<Client> | undefined;
    runner.connect = () => (tapped ??= connect().then((client) => this.tapConnection(client, runner)));
    return runner;
  }

  /** The connection, for the time that this runner has it. */
  private tapConnection(client: Client, runner: QueryRunner): Client {
    let earlier: Promise<unknown> = Promise.resolve();
    const query = async (...args: unknown[]): Promise<unknown> => {
      const sql = String(args[0]);
      if (OF_ITS_OWN.test(sql)) return client.query(...args);
      const statement = { sql, inTransaction: runner.isTransactionActive || sql === 'START TRANSACTION', runner };
      const heard = earlier.then(() => this.listener?.(statement));
      earlier = heard.catch(() => undefined);
      const after = await heard.catch(async (error: unknown) => {
        // What is sent behind it without waiting has to find a failed transaction.
        if (!COMMANDS.has(sql)) await client.query('SELECT 1 / 0').catch(() => undefined);
        throw error;
      });
      const result = await client.query(...args);
      after?.();
      return result;
    };
    return new Proxy(client, { get: (target, name): unknown => (name === 'query' ? query : Reflect.get(target, name)) });
  }
}

interface Client {
  query(...args: unknown[]): Promise<unknown>;
}

const COMMANDS = new Set(['START TRANSACTION', 'COMMIT', 'ROLLBACK']);
