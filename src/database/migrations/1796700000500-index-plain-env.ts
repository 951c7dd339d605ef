import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Finds the revisions whose values of `env` are not encrypted yet. Reads and writes go on while it is made. */
export class IndexPlainEnv1796700000500 implements MigrationInterface {
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET statement_timeout = 0`);
    await runner.query(`SET lock_timeout = 0`);
    try {
      // What an attempt that was broken off has left is made anew.
      await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS ix_deployment_revisions_plain_env`);
      await runner.query(`
        CREATE INDEX CONCURRENTLY ix_deployment_revisions_plain_env
            ON deployment_revisions (deployment_id, number) WHERE spec->'env' <> '{}'`);
    } finally {
      await runner.query(`RESET statement_timeout`);
      await runner.query(`RESET lock_timeout`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX ix_deployment_revisions_plain_env`);
  }
}
