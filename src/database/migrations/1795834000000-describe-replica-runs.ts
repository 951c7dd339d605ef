import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What is known of the run of a replica's container. The program of before does not write these columns: its replicas have an
 * unknown run, which the next observation fills in.
 */
export class DescribeReplicaRuns1795834000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE deployment_replicas
        ADD COLUMN running_at timestamptz,
        ADD COLUMN engine_started_at timestamptz,
        ADD COLUMN paused_at timestamptz`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE deployment_replicas DROP COLUMN running_at, DROP COLUMN engine_started_at, DROP COLUMN paused_at`);
  }
}
