import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Checks the projects of the deployments that were there before. */
export class CheckProjects1796400001500 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE deployments VALIDATE CONSTRAINT fk_deployments_project`);
    await runner.query(`ALTER TABLE deployments VALIDATE CONSTRAINT ck_deployments_project`);
  }

  /** A rule that was checked harms nobody. */
  async down(): Promise<void> {
    await Promise.resolve();
  }
}
