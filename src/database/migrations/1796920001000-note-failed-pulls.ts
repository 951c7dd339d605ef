import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When a pull with a credential last failed and that was told, so that it is not told with every attempt. */
export class NoteFailedPulls1796920001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE registries ADD COLUMN failed_at timestamptz`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE registries DROP COLUMN failed_at`);
  }
}
