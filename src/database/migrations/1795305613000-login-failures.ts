import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Failed log-ins are counted by the hash of the name, for users and for names that nobody has. The columns on users stay while
 * older processes still write them.
 */
export class LoginFailures1795305613000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE login_failures (
        name_hash    bytea NOT NULL CONSTRAINT pk_login_failures PRIMARY KEY,
        failures     integer NOT NULL,
        locked_until timestamptz NOT NULL
      )`);
    await runner.query(`CREATE INDEX ix_login_failures_locked_until ON login_failures (locked_until)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE login_failures`);
  }
}
