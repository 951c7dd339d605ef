import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Checks the operations that were there before bulk deploys. Reads and writes go on meanwhile. */
export class CheckOperations1795920000500 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE operations VALIDATE CONSTRAINT ck_operations_kind`);
    await runner.query(`ALTER TABLE operation_items VALIDATE CONSTRAINT ck_operation_items_state`);
  }

  /** A rule that was checked harms nobody. */
  async down(): Promise<void> {
    await Promise.resolve();
  }
}
