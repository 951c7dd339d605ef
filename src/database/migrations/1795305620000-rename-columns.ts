import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Columns get the words of the glossary in ARCHITECTURE.md. Renaming changes the catalogue only, so it takes no time on
 * tables of any size. Programs of before this migration do not know the new names: what they write is an error, and changes nothing. No
 * later column takes an old name.
 */
export class RenameColumns1795305620000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE deployments RENAME COLUMN revision TO version`);
    await runner.query(`ALTER TABLE deployment_replicas RENAME COLUMN parked_at TO suspended_at`);
    await runner.query(`ALTER TABLE deployment_replicas RENAME COLUMN parked_run_at TO suspended_run_at`);
    await runner.query(`ALTER TABLE deployment_replicas RENAME COLUMN given_up_at TO force_released_at`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE deployments RENAME COLUMN version TO revision`);
    await runner.query(`ALTER TABLE deployment_replicas RENAME COLUMN suspended_at TO parked_at`);
    await runner.query(`ALTER TABLE deployment_replicas RENAME COLUMN suspended_run_at TO parked_run_at`);
    await runner.query(`ALTER TABLE deployment_replicas RENAME COLUMN force_released_at TO given_up_at`);
  }
}
