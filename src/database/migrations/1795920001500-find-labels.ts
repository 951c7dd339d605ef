import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Without the list of pending entries: it would be sorted in by the one insert that finds it full, and every read would go through it.
 * A million deployments take a while, in which reads and writes go on. What an attempt that was broken off has left is made anew.
 */
export class FindLabels1795920001500 implements MigrationInterface {
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET statement_timeout = 0`);
    await runner.query(`SET lock_timeout = 0`);
    try {
      await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS ix_deployments_labels`);
      await runner.query(`
        CREATE INDEX CONCURRENTLY ix_deployments_labels
            ON deployments USING gin (label_keys(user_id, labels)) WITH (fastupdate = off)
         WHERE labels <> '{}'`);
    } finally {
      await runner.query(`RESET statement_timeout`);
      await runner.query(`RESET lock_timeout`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX ix_deployments_labels`);
  }
}
