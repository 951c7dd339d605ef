import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Names are unique in each project instead of for each user, and lists find labels by project. The names of the indexes stay,
 * because programs know a taken name by them. Why the bulk deploys of programs of before fail from here on until those are
 * replaced is in docs/decisions.md.
 */
export class UseProjects1796400002500 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE deployments ALTER COLUMN project_id SET NOT NULL`);
    await runner.query(`ALTER TABLE deployments DROP CONSTRAINT ck_deployments_project`);
    await runner.query(`DROP INDEX uq_deployments_live_name`);
    await runner.query(`ALTER INDEX uq_deployments_project_name RENAME TO uq_deployments_live_name`);
    await runner.query(`DROP INDEX ix_deployments_labels`);
    await runner.query(`ALTER INDEX ix_deployments_project_labels RENAME TO ix_deployments_labels`);
  }

  /** Fails when a user has two deployments of one name in different projects. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER INDEX ix_deployments_labels RENAME TO ix_deployments_project_labels`);
    await runner.query(`
      CREATE INDEX ix_deployments_labels ON deployments USING gin (label_keys(user_id, labels)) WITH (fastupdate = off)
       WHERE labels <> '{}'`);
    await runner.query(`ALTER INDEX uq_deployments_live_name RENAME TO uq_deployments_project_name`);
    await runner.query(`CREATE UNIQUE INDEX uq_deployments_live_name ON deployments (user_id, name) WHERE deleted_at IS NULL`);
    await runner.query(`ALTER TABLE deployments ADD CONSTRAINT ck_deployments_project CHECK (project_id IS NOT NULL)`);
    await runner.query(`ALTER TABLE deployments ALTER COLUMN project_id DROP NOT NULL`);
  }
}
