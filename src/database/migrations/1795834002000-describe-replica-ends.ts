import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * How a replica ended: because of its node, or well, so that it needs no successor. The program of before makes neither, and would
 * replace what has ended well, which is what it did before.
 */
export class DescribeReplicaEnds1795834002000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE deployment_replicas
        ADD COLUMN failed_by_node boolean NOT NULL DEFAULT false,
        ADD COLUMN completed_at timestamptz`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE deployment_replicas DROP COLUMN failed_by_node, DROP COLUMN completed_at`);
  }
}
