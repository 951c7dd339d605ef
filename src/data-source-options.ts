import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions';
import { PreparingClient } from './database/preparing-client';
import { migrations } from './database/migrations';
import { entities } from './entities';

/**
 * The one description of the database connection, for the application, the TypeORM CLI and the tests. Limits: 5 s to
 * wait for a lock, 10 s for a statement, 15 s for an idle transaction.
 */
export function dataSourceOptions(input: {
  url: string;
  poolSize?: number;
  applicationName?: string;
  /** How long to wait for a server that sends nothing at all. Absent: without limit, for long statements of the command line. */
  answerTimeoutMs?: number;
}): PostgresDataSourceOptions {
  return {
    type: 'postgres',
    url: input.url,
    entities,
    migrations,
    migrationsTransactionMode: 'each',
    uuidExtension: 'pgcrypto',
    installExtensions: false,
    applicationName: input.applicationName ?? 'fog-compute',
    poolSize: input.poolSize ?? 10,
    connectTimeoutMS: 5_000,
    extra: {
      Client: PreparingClient,
      ...(input.answerTimeoutMs === undefined ? {} : { query_timeout: input.answerTimeoutMs }),
      statement_timeout: 10_000,
      lock_timeout: 5_000,
      idle_in_transaction_session_timeout: 15_000,
      idleTimeoutMillis: 30_000,
      // Times in JSON are in UTC. No JIT: compiling a statement takes longer than our longest one runs. Generic
      // plans: for its larger statements PostgreSQL would make a new plan at every call, which cost a delete half of
      // its time.
      options: '-c timezone=UTC -c jit=off -c plan_cache_mode=force_generic_plan',
      keepAlive: true,
    },
  };
}
