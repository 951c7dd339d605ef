import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Quotas and usage count what open reservations hold for the deployments of a user or a project, whatever number of replicas these have had
 * before. Reads and writes go on while it is made.
 */
export class IndexOpenReservations1796950000000 implements MigrationInterface {
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`SET statement_timeout = 0`);
    await runner.query(`SET lock_timeout = 0`);
    try {
      // What an attempt that was broken off has left is made anew.
      await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS ix_reservations_open_deployment`);
      await runner.query(`
        CREATE INDEX CONCURRENTLY ix_reservations_open_deployment
            ON reservations (deployment_id) WHERE released_at IS NULL`);
    } finally {
      await runner.query(`RESET statement_timeout`);
      await runner.query(`RESET lock_timeout`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX ix_reservations_open_deployment`);
  }
}
