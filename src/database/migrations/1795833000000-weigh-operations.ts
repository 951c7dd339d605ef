import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What an operation weighs, so that what a user holds is counted without reading its items; and the words about the whole
 * fleet, which only administrators see. Operations from before count as empty until their time is over.
 */
export class WeighOperations1795833000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE operations ADD COLUMN item_count integer NOT NULL DEFAULT 0, ADD COLUMN admin_reason text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE operations DROP COLUMN admin_reason, DROP COLUMN item_count`);
  }
}
