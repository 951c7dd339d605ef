import type { DataSource } from 'typeorm';

/** An arbitrary number that all processes of this program share. */
const MIGRATION_LOCK = 727_001;

/**
 * Brings the schema up to date and returns the names of the migrations that ran. Several processes may call it at once: TypeORM
 * takes no lock of its own, so an advisory lock lets one run while the others wait and then find nothing to do.
 */
export async function migrate(dataSource: DataSource): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.query('SET lock_timeout = 0; SET statement_timeout = 0');
    await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    return (await dataSource.runMigrations({ transaction: 'each' })).map((migration) => migration.name);
  } finally {
    await runner.query('SELECT pg_advisory_unlock_all(); RESET lock_timeout; RESET statement_timeout').catch(() => undefined);
    await runner.release();
  }
}
