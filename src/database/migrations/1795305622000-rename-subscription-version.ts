import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The counter on a subscription's row is called what it is called on a deployment's row: a version. Renaming changes the
 * catalogue only. Programs of before this migration get errors when they use the old name, and change nothing.
 */
export class RenameSubscriptionVersion1795305622000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE subscriptions RENAME COLUMN revision TO version`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE subscriptions RENAME COLUMN version TO revision`);
  }
}
