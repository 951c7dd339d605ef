import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Checks the history rows that were there before. Reads and writes go on meanwhile. */
export class CheckHistoryEvents1795838000500 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE deployment_status_history VALIDATE CONSTRAINT ck_deployment_status_history_event`);
  }

  /** A rule that was checked harms nobody. */
  async down(): Promise<void> {
    await Promise.resolve();
  }
}
