import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Nodes that answer and on which only a part of what is needed works tell why. `last_error` is for those that do not answer. */
export class TellTroubleOfNodes1796300000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE nodes ADD COLUMN trouble text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE nodes DROP COLUMN trouble`);
  }
}
