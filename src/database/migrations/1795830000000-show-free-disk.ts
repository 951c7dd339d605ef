import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What is free on the disk of a node's engine, where that can be measured. */
export class ShowFreeDisk1795830000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE nodes ADD COLUMN disk_free_gb integer`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE nodes DROP COLUMN disk_free_gb`);
  }
}
