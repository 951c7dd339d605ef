import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The limits that an administrator has set for a project, or for a user in the personal project. What is absent is as configured,
 * null is no limit. And how many ports each replica publishes, as a column that SQL can add up.
 */
export class KeepQuotas1796800000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE projects ADD COLUMN quota jsonb NOT NULL DEFAULT '{}'
        CONSTRAINT ck_projects_quota CHECK (jsonb_typeof(quota) = 'object')`);
    await runner.query(`
      ALTER TABLE deployment_resources ADD COLUMN ports integer NOT NULL DEFAULT 0
        CONSTRAINT ck_deployment_resources_ports CHECK (ports >= 0)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE deployment_resources DROP COLUMN ports`);
    await runner.query(`ALTER TABLE projects DROP COLUMN quota`);
  }
}
