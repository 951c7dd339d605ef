import type { MigrationInterface, QueryRunner } from 'typeorm';

/** API tokens that act in one project, at most with this role. */
export class BindTokens1796800001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE api_tokens
        ADD COLUMN project_id uuid CONSTRAINT fk_api_tokens_project REFERENCES projects (id) ON DELETE CASCADE,
        ADD COLUMN project_role text,
        ADD CONSTRAINT ck_api_tokens_binding CHECK (
          (project_id IS NULL) = (project_role IS NULL)
          AND coalesce(project_role, 'viewer') IN ('viewer','deployer','maintainer'))`);
    await runner.query(`CREATE INDEX ix_api_tokens_project ON api_tokens (project_id) WHERE project_id IS NOT NULL`);
  }

  /** What was bound must not become a token for everything. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DELETE FROM api_tokens WHERE project_id IS NOT NULL`);
    await runner.query(`DROP INDEX ix_api_tokens_project`);
    await runner.query(`
      ALTER TABLE api_tokens DROP CONSTRAINT ck_api_tokens_binding, DROP COLUMN project_role, DROP COLUMN project_id`);
  }
}
