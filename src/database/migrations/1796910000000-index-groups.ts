import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who is in a group. Without the list of pending entries, through which every read would go. */
export class IndexGroups1796910000000 implements MigrationInterface {
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET statement_timeout = 0`);
    await runner.query(`SET lock_timeout = 0`);
    try {
      await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS ix_users_external_groups`);
      await runner.query(`
        CREATE INDEX CONCURRENTLY ix_users_external_groups
            ON users USING gin (external_groups) WITH (fastupdate = off)
         WHERE external_groups IS NOT NULL`);
    } finally {
      await runner.query(`RESET statement_timeout`);
      await runner.query(`RESET lock_timeout`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX ix_users_external_groups`);
  }
}
