import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DataSource } from 'typeorm';
import { AccessTokens } from '../../src/auth/access-tokens';
import { loadConfig } from '../../src/config/app-config';
import { createApp } from '../../src/create-app';
import { Client } from './client';
import { openDataSource } from './open-data-source';
import { aDeployment, aNode, aPlacedReplica, aUser, insertRow } from './rows';
import { createTestDatabase, type TestDatabase } from './test-database';

export interface PairOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Changes the program's statements before they are sent, so that a control can show what a lock or a guard prevents. */
  readonly rewrite?: (sql: string) => string;
  /** Statements that run on the database before anything starts, to remove guards of the schema. */
  readonly sabotage?: readonly string[];
  readonly nodes?: number;
}

const ENVIRONMENT = {
  PORT: '0',
  RUNTIME: 'simulated',
  LOAD_BALANCER: 'none',
  SIMULATED_DELAY_MS: '20',
  LOG_LEVEL: 'silent',
  RATE_LIMIT_PER_MINUTE: '0',
  AUTH_RATE_LIMIT_PER_MINUTE: '0',
  REGISTRATION_ENABLED: 'true',
  REGISTRATION_QUOTA: 'none',
  MAX_DEPLOYMENTS_PER_USER: '0',
  MAX_REPLICAS_PER_USER: '0',
  JWT_SECRET: 'a-secret-of-the-tests-and-of-nobody-else',
  ENCRYPTION_KEY: Buffer.alloc(32, 'k').toString('base64'),
};
/** As large as the columns allow, so that capacity never decides these races. */
const HUGE = { cpu_cores: 900_000, memory_mb: 1_000_000_000, storage_gb: 1_000_000_000 };

/** Two instances of the application on one database, with one user's client at each. */
export class ApplicationPair {
  private constructor(
    private readonly database: TestDatabase,
    private readonly apps: readonly NestFastifyApplication[],
    /** A connection pool of the test itself, which does not pass through the applications. */
    readonly dataSource: DataSource,
    readonly userId: string,
    readonly nodeIds: readonly string[],
    readonly clients: readonly [Client, Client],
  ) {}

  static async start({ env = {}, rewrite, sabotage = [], nodes = 4 }: PairOptions = {}): Promise<ApplicationPair> {
    const database = await createTestDatabase();
    const dataSource = await openDataSource(database.url, 8);
    for (const sql of sabotage) await dataSource.query(sql);
    const nodeIds: string[] = [];
    const inAnHour = new Date(Date.now() + 3_600_000);
    for (let n = 0; n < nodes; n++) nodeIds.push(await aNode(dataSource, { ...HUGE, last_heartbeat: inAnHour }));
    const userId = await aUser(dataSource);
    const sessionId = await insertRow(dataSource, 'sessions', { user_id: userId, expires_at: new Date(Date.now() + 86_400_000) });

    const config = loadConfig({ ...ENVIRONMENT, DATABASE_URL: database.url, ...env });
    const apps = [await createApp(config), await createApp(config)] as const;
    for (const app of apps) {
      if (rewrite) rewriteStatements(app.get(DataSource), rewrite);
      await app.listen(0, '127.0.0.1');
    }
    const token = await apps[0].get(AccessTokens, { strict: false }).issue(userId, sessionId);
    const clientOf = async (app: NestFastifyApplication): Promise<Client> =>
      new Client((await app.getUrl()).replace('[::1]', '127.0.0.1'), token);
    return new ApplicationPair(database, apps, dataSource, userId, nodeIds, [await clientOf(apps[0]), await clientOf(apps[1])]);
  }

  /** The n-th client; clients take turns between the two applications. */
  client(n: number): Client {
    return this.clients[n % 2 === 0 ? 0 : 1];
  }

  /** Inserts a deployment whose replicas have these statuses, one on each node, beginning with the first of `nodeIds`. */
  async deploymentWith(statuses: readonly string[], nodeIds: readonly string[] = this.nodeIds): Promise<string> {
    const id = await aDeployment(this.dataSource, { user_id: this.userId, target_replicas: statuses.length });
    for (const [n, status] of statuses.entries())
      await aPlacedReplica(this.dataSource, { deployment_id: id, node_id: nodeIds[n % nodeIds.length]!, status });
    return id;
  }

  /** Ends both applications; after that the server's counters are complete. */
  async stop(): Promise<void> {
    await Promise.all(this.apps.map((app) => app.close()));
  }

  /** How many deadlocks PostgreSQL has resolved in this database. Exact after `stop`. */
  async deadlocks(): Promise<number> {
    const [row] = await this.dataSource.query<{ deadlocks: string }[]>(
      `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`,
    );
    return Number(row?.deadlocks);
  }

  async drop(): Promise<void> {
    await this.dataSource.destroy();
    await this.database.drop();
  }
}

function rewriteStatements(dataSource: DataSource, rewrite: (sql: string) => string): void {
  const create = dataSource.createQueryRunner.bind(dataSource);
  dataSource.createQueryRunner = (...args) => {
    const runner = create(...args);
    const query = runner.query.bind(runner) as (...args: unknown[]) => Promise<unknown>;
    runner.query = async (sql: string, ...rest: unknown[]) => (await query(rewrite(sql), ...rest)) as never;
    return runner;
  };
}

const GUARDED_BY_STATUS = /AND (d\.)?status = ANY\(\$3::text\[\]\)/;
const GUARDED_BY_VERSION = 'd.version = $2';
const LOCK = /FOR UPDATE OF d(?:, r| SKIP LOCKED)?/;

/** Reads the deployment's row without its lock. */
export const withoutLock = (sql: string): string => sql.replace(LOCK, '');

/** Also removes the conditions that are checked again when the row is written, which would still prevent the fault. */
export const withoutLockAndConditions = (sql: string): string =>
  withoutLock(sql).replace(GUARDED_BY_STATUS, 'AND $3::text[] IS NOT NULL').replace(GUARDED_BY_VERSION, '$2::int IS NOT NULL');

/**
 * Also removes the schema's own guards: that what is deleted stays deleted, has a time for its purge, and is deleted once per
 * generation.
 */
export const WITHOUT_GUARD = [
  'ALTER TABLE deployments DISABLE TRIGGER tr_deployments_deleted',
  'ALTER TABLE deployments DISABLE TRIGGER tr_deployments_purge_time',
  'ALTER TABLE deployments DROP CONSTRAINT ck_deployments_purge',
  'ALTER TABLE deletions DROP CONSTRAINT uq_deletions_generation',
];

/**
 * Runs `work` for 0 to `count` - 1, `lanes` at a time, and returns the results in order. Races end as chance has it, so it goes on, up to
 * twenty times as long, until the results have met all that the races are about.
 */
export async function inLanes<T>(
  count: number,
  lanes: number,
  work: (index: number) => Promise<T>,
  hasMetAll: (results: readonly T[]) => boolean = () => true,
): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const isWanted = (index: number): boolean => index < count || (index < 20 * count && !hasMetAll(Object.values(results)));
  const lane = async (): Promise<void> => {
    for (let index = next++; isWanted(index); index = next++) results[index] = await work(index);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}
