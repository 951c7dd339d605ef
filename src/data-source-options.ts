import pg from 'pg';
import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions';
import { connectionSettings } from './database/connection-settings';
import { PreparingClient } from './database/preparing-client';
import { SharingPool } from './database/sharing-pool';
import { migrations } from './database/migrations';
import { entities } from './entities';

/**
 * Said to the server after each connection has opened, and not while it opens, because poolers such as PgBouncer refuse
 * settings there. Times in JSON are in UTC. No JIT: compiling a statement takes longer than our longest one runs. Generic
 * plans: for its larger statements PostgreSQL would make a new plan at every call, which cost a delete half of its time.
 */
const SETTINGS = `SET statement_timeout = '10s'; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '15s';
  SET timezone = 'UTC'; SET jit = off; SET plan_cache_mode = force_generic_plan`;

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
  /** False in a process that only works in the background. It need not keep connections for requests. */
  servesRequests?: boolean;
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
    driver: { ...pg, Pool: SharingPool },
    extra: {
      ...connectionSettings(input.url),
      connectionString: undefined, // the URL would replace what is said here
      Client: PreparingClient,
      pipeline: true,
      servesRequests: input.servesRequests ?? true,
      onConnect: (client: Pick<PreparingClient, 'query'>) => client.query(SETTINGS),
      ...(input.answerTimeoutMs === undefined ? {} : { query_timeout: input.answerTimeoutMs }),
      idleTimeoutMillis: 30_000,
      keepAlive: true,
    },
  };
}
