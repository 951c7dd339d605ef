import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a deployment weighs in the quota of its owner. Those from before weigh nothing: their quota was not asked either. */
export class WeighDeployments1795833001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE deployments ADD COLUMN stored_bytes integer NOT NULL DEFAULT 0`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE deployments DROP COLUMN stored_bytes`);
  }
}
