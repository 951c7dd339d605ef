import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Failed log-ins are counted by name in `login_failures` since 1795305613000, so nothing reads these columns of users any
 * more. Dropping them changes the catalogue only.
 */
export class DropUnusedColumns1795305621000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE users DROP COLUMN failed_logins, DROP COLUMN locked_until`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE users ADD COLUMN failed_logins integer NOT NULL DEFAULT 0, ADD COLUMN locked_until timestamptz`);
  }
}
