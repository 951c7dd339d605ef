import type { DataSource } from 'typeorm';
import { openDataSource } from './open-data-source';
import { startProcess, type Environment, type ProcessUnderTest, type StartOptions } from './process-under-test';
import { createTestDatabase, type TestDatabase } from './test-database';

/** A database of its own and the processes that a test starts on it, as many and as often as it wants. */
export class Installation {
  private readonly processes: ProcessUnderTest[] = [];

  private constructor(
    private readonly database: TestDatabase,
    /** A connection pool of the test itself. */
    readonly dataSource: DataSource,
  ) {}

  static async create(poolSize = 3): Promise<Installation> {
    const database = await createTestDatabase();
    return new Installation(database, await openDataSource(database.url, poolSize));
  }

  get databaseUrl(): string {
    return this.database.url;
  }

  /**
   * Starts another process and waits until it is ready. Unless the environment says otherwise, it logs warnings only and
   * reaches the database directly.
   */
  async start(environment: Environment = {}, options?: StartOptions): Promise<ProcessUnderTest> {
    const started = await startProcess({ DATABASE_URL: this.databaseUrl, LOG_LEVEL: 'warn', ...environment }, options);
    this.processes.push(started);
    return started;
  }

  /** Kills the processes that still run, and removes the database. */
  async close(): Promise<void> {
    await Promise.all(this.processes.map((each) => each.kill('SIGKILL')));
    await this.dataSource.destroy();
    await this.database.drop();
  }
}
