import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource, QueryRunner } from 'typeorm';

/** An arbitrary number that all processes of this program share. */
const MIGRATION_LOCK = 727_001;
const ASK_AGAIN_MS = 100;

/**
 * Brings the schema up to date and returns the names of the migrations that ran. Several processes may call it at once: TypeORM
 * takes no lock of its own, so an advisory lock lets one run while the others wait and then find nothing to do.
 */
export async function migrate(dataSource: DataSource): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  try {
    while (!(await isTaken(runner))) await sleep(ASK_AGAIN_MS);
    return (await dataSource.runMigrations({ transaction: 'each' })).map((migration) => migration.name);
  } finally {
    await runner.query('SELECT pg_advisory_unlock_all()').catch(() => undefined);
    await runner.release();
  }
}

/** Asks again and again instead of waiting in one statement, because an index that is made concurrently would wait for that one. */
async function isTaken(runner: QueryRunner): Promise<boolean> {
  const [row] = (await runner.query('SELECT pg_try_advisory_lock($1) AS taken', [MIGRATION_LOCK])) as { taken: boolean }[];
  return row?.taken === true;
}
