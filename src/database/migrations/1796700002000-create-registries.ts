import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Credentials for registries: of projects, and of the installation, which have no project. Passwords are encrypted. */
export class CreateRegistries1796700002000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Whoever registers writes to both in this order; the references would lock them in the other.
    await runner.query(`LOCK TABLE users, projects IN SHARE ROW EXCLUSIVE MODE`);
    await runner.query(`
      CREATE TABLE registries (
        id         uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_registries PRIMARY KEY,
        project_id uuid CONSTRAINT fk_registries_project REFERENCES projects (id) ON DELETE CASCADE,
        name       text NOT NULL,
        server     text NOT NULL,
        username   text NOT NULL,
        sealed     bytea NOT NULL,
        version    integer NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        updated_by uuid CONSTRAINT fk_registries_user REFERENCES users (id))`);
    await runner.query(`
      CREATE UNIQUE INDEX uq_registries_project_name ON registries (project_id, name) WHERE project_id IS NOT NULL`);
    await runner.query(`CREATE UNIQUE INDEX uq_registries_shared_name ON registries (name) WHERE project_id IS NULL`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE registries`);
  }
}
