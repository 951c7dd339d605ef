import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Finds the few replicas that somebody has paused, so that the watch of health can look at them all the time. The index has next to
 * no rows, so making it locks the table for one reading of it.
 */
export class FindPausedReplicas1795840001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX ix_deployment_replicas_paused ON deployment_replicas (deployment_id) WHERE paused_at IS NOT NULL`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX ix_deployment_replicas_paused`);
  }
}
