import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Groups of the outside identity provider that have a role in a project. `role` of a member stays the one that counts, the stronger of
 * the two; `direct_role` is told apart from it only where there is a `group_role`.
 */
export class MapGroups1796800002000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Whoever registers writes to users, projects and members in this order, so their locks are taken in it.
    await runner.query(`ALTER TABLE users ADD COLUMN external_groups text[], ADD COLUMN external_groups_at double precision`);
    await runner.query(`
      CREATE TABLE project_groups (
        project_id uuid NOT NULL CONSTRAINT fk_project_groups_project REFERENCES projects (id) ON DELETE CASCADE,
        group_name text NOT NULL,
        role       text NOT NULL CONSTRAINT ck_project_groups_role CHECK (role IN ('viewer','deployer','maintainer')),
        added_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT pk_project_groups PRIMARY KEY (project_id, group_name)
      )`);
    await runner.query(`CREATE INDEX ix_project_groups_group ON project_groups (group_name)`);
    await runner.query(`
      ALTER TABLE project_members
        ADD COLUMN direct_role text CONSTRAINT ck_project_members_direct CHECK (direct_role IN ('viewer','deployer','maintainer')),
        ADD COLUMN group_role text CONSTRAINT ck_project_members_group CHECK (group_role IN ('viewer','deployer','maintainer'))`);
  }

  /** Who is a member by a group only is none without it. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE users DROP COLUMN external_groups_at, DROP COLUMN external_groups`);
    await runner.query(`DELETE FROM project_members WHERE group_role IS NOT NULL AND direct_role IS NULL`);
    await runner.query(`UPDATE project_members SET role = direct_role WHERE group_role IS NOT NULL`);
    await runner.query(`ALTER TABLE project_members DROP COLUMN group_role, DROP COLUMN direct_role`);
    await runner.query(`DROP TABLE project_groups`);
  }
}
