import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Projects, who is in them, and the project of each deployment. The personal project of a user has the id of the user, so that what
 * belongs to it is known without looking. Triggers give users and deployments of programs of before theirs; `FillProjects` those
 * that were there already.
 */
export class CreateProjects1796400000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE projects (
        id          uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_projects PRIMARY KEY,
        name        text NOT NULL,
        description text NOT NULL DEFAULT '',
        personal_of uuid CONSTRAINT fk_projects_personal REFERENCES users (id) ON DELETE CASCADE,
        version     integer NOT NULL DEFAULT 1,
        created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
        created_by  uuid CONSTRAINT fk_projects_created_by REFERENCES users (id),
        updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
        deleted_at  timestamptz,
        CONSTRAINT ck_projects_name CHECK (name = lower(name) AND name <> ''),
        CONSTRAINT ck_projects_personal CHECK (personal_of IS NULL OR (personal_of = id AND deleted_at IS NULL))
      )`);
    await runner.query(`CREATE UNIQUE INDEX uq_projects_name ON projects (name) WHERE deleted_at IS NULL`);
    await runner.query(`CREATE INDEX ix_projects_created_by ON projects (created_by)`);
    await runner.query(`
      CREATE TABLE project_members (
        project_id uuid NOT NULL CONSTRAINT fk_project_members_project REFERENCES projects (id) ON DELETE CASCADE,
        user_id    uuid NOT NULL CONSTRAINT fk_project_members_user REFERENCES users (id) ON DELETE CASCADE,
        role       text NOT NULL CONSTRAINT ck_project_members_role CHECK (role IN ('viewer','deployer','maintainer')),
        added_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT pk_project_members PRIMARY KEY (project_id, user_id)
      )`);
    await runner.query(`CREATE INDEX ix_project_members_user ON project_members (user_id, project_id)`);
    await runner.query(`
      CREATE FUNCTION make_personal_project() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO projects (id, name, personal_of, created_by) VALUES (NEW.id, lower(NEW.username), NEW.id, NEW.id);
        INSERT INTO project_members (project_id, user_id, role) VALUES (NEW.id, NEW.id, 'maintainer');
        RETURN NULL;
      END $$`);
    await runner.query(`
      CREATE TRIGGER tr_users_personal_project AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION make_personal_project()`);
    await runner.query(`ALTER TABLE deployments ADD COLUMN project_id uuid`);
    await runner.query(`
      CREATE FUNCTION put_into_personal_project() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        NEW.project_id := NEW.user_id;
        RETURN NEW;
      END $$`);
    await runner.query(`
      CREATE TRIGGER tr_deployments_personal_project BEFORE INSERT ON deployments FOR EACH ROW
        WHEN (NEW.project_id IS NULL) EXECUTE FUNCTION put_into_personal_project()`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TRIGGER tr_deployments_personal_project ON deployments`);
    await runner.query(`DROP FUNCTION put_into_personal_project()`);
    await runner.query(`ALTER TABLE deployments DROP COLUMN project_id`);
    await runner.query(`DROP TRIGGER tr_users_personal_project ON users`);
    await runner.query(`DROP FUNCTION make_personal_project()`);
    await runner.query(`DROP TABLE project_members`);
    await runner.query(`DROP TABLE projects`);
  }
}
