import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A node may say where the ports of its containers are reached. A new column without a default, so adding it changes the
 * catalogue only.
 */
export class AddressNodes1795842000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE nodes ADD COLUMN address text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE nodes DROP COLUMN address`);
  }
}
