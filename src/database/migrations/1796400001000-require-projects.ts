import type { MigrationInterface, QueryRunner } from 'typeorm';

/** From now on a deployment has a project. What was there before is checked by `CheckProjects`, while reads and writes go on. */
export class RequireProjects1796400001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE deployments
        ADD CONSTRAINT fk_deployments_project FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE RESTRICT NOT VALID,
        ADD CONSTRAINT ck_deployments_project CHECK (project_id IS NOT NULL) NOT VALID`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE deployments DROP CONSTRAINT IF EXISTS ck_deployments_project, DROP CONSTRAINT fk_deployments_project`);
  }
}
