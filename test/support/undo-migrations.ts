import { QueryFailedError, type DataSource } from 'typeorm';
import { fieldOf } from '../../src/common/field-of';

const DEADLOCK = '40P01';

/**
 * Takes the last migrations back, each in its transaction. One that PostgreSQL has ended for a deadlock is taken back once more, as
 * `src/database/migrations/README.md` says to: autovacuum waits for an index that the step has renamed, and the step for the table.
 */
export async function undoMigrations(dataSource: DataSource, count: number): Promise<void> {
  for (let left = count; left > 0;) {
    try {
      await dataSource.undoLastMigration({ transaction: 'each' });
      left--;
    } catch (error) {
      if (!(error instanceof QueryFailedError) || fieldOf(error.driverError, 'code') !== DEADLOCK) throw error;
    }
  }
}
