import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Counts what a machine has told of lately, and finds what it told of long ago. Reads and writes go on while it is made. */
export class IndexAccounts1796900000000 implements MigrationInterface {
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET statement_timeout = 0`);
    await runner.query(`SET lock_timeout = 0`);
    try {
      // What an attempt that was broken off has left is made anew.
      await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS ix_agent_accounts_noted`);
      await runner.query(`
        CREATE INDEX CONCURRENTLY ix_agent_accounts_noted ON agent_accounts (node_id, noted_at)`);
    } finally {
      await runner.query(`RESET statement_timeout`);
      await runner.query(`RESET lock_timeout`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX ix_agent_accounts_noted`);
  }
}
