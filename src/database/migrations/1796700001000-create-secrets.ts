import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Secrets of projects. Their values are encrypted; revisions carry copies of the versions that they run with. */
export class CreateSecrets1796700001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Whoever registers writes to both in this order; the references would lock them in the other.
    await runner.query(`LOCK TABLE users, projects IN SHARE ROW EXCLUSIVE MODE`);
    await runner.query(`
      CREATE TABLE project_secrets (
        project_id uuid NOT NULL CONSTRAINT fk_project_secrets_project REFERENCES projects (id) ON DELETE CASCADE,
        name       text NOT NULL,
        version    integer NOT NULL DEFAULT 1,
        sealed     bytea NOT NULL,
        bytes      integer NOT NULL,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        updated_by uuid CONSTRAINT fk_project_secrets_user REFERENCES users (id),
        CONSTRAINT pk_project_secrets PRIMARY KEY (project_id, name),
        CONSTRAINT ck_project_secrets_version CHECK (version >= 1))`);
    await runner.query(`CREATE INDEX ix_project_secrets_user ON project_secrets (updated_by)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE project_secrets`);
  }
}
