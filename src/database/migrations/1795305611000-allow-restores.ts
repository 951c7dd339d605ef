import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Replicas may be placed by a restore. */
export class AllowRestores1795305611000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE placements DROP CONSTRAINT ck_placements_cause`);
    await runner.query(`
      ALTER TABLE placements ADD CONSTRAINT ck_placements_cause CHECK (cause IN ('deploy','scale','replace','drain','restore'))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE placements DROP CONSTRAINT ck_placements_cause`);
    await runner.query(`
      ALTER TABLE placements ADD CONSTRAINT ck_placements_cause CHECK (cause IN ('deploy','scale','replace','drain'))`);
  }
}
