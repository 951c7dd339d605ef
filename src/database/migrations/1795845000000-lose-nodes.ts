import type { MigrationInterface, QueryRunner } from 'typeorm';

/** After how long a silence the replicas of a node are replaced elsewhere, where it differs from the configuration. */
export class LoseNodes1795845000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE nodes ADD COLUMN lost_after_seconds integer
        CONSTRAINT ck_nodes_lost_after CHECK (lost_after_seconds BETWEEN 0 AND 604800)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE nodes DROP COLUMN lost_after_seconds`);
  }
}
