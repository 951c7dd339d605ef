import type { MigrationInterface, QueryRunner } from 'typeorm';

const BATCH = 5_000;
/** Before every id. A comparison with it finds its rows by the index. */
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

/**
 * Gives the users and deployments that were there before their personal projects. Each batch is a transaction of its own, and a
 * start that is interrupted goes on with what is missing.
 */
export class FillProjects1796400000500 implements MigrationInterface {
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await this.inBatches(runner, USERS);
    await this.inBatches(runner, DEPLOYMENTS);
  }

  /** Each statement answers with the last row of its batch; with none when there was nothing left. */
  private async inBatches(runner: QueryRunner, statement: string): Promise<void> {
    let after: string | undefined = BEFORE_ALL;
    while (after !== undefined) {
      const [row] = (await runner.query(statement, [after])) as { id: string }[];
      after = row?.id;
    }
  }

  /** The rows go with their tables and their column. */
  async down(): Promise<void> {
    await Promise.resolve();
  }
}

/** $1 the last user of the batch before. */
const USERS = `
  WITH batch AS MATERIALIZED (
    SELECT u.id, u.username FROM users AS u WHERE u.id > $1::uuid ORDER BY u.id LIMIT ${String(BATCH)} FOR KEY SHARE),
  made AS (
    INSERT INTO projects (id, name, personal_of, created_by)
    SELECT id, lower(username), id, id FROM batch ON CONFLICT (id) DO NOTHING),
  joined AS (
    INSERT INTO project_members (project_id, user_id, role)
    SELECT id, id, 'maintainer' FROM batch ON CONFLICT DO NOTHING)
  SELECT id FROM batch ORDER BY id DESC LIMIT 1`;

/** $1 the last deployment of the batch before. The rows are locked in their order, as everybody does. */
const DEPLOYMENTS = `
  WITH batch AS MATERIALIZED (
    SELECT d.id FROM deployments AS d WHERE d.id > $1::uuid ORDER BY d.id LIMIT ${String(BATCH)} FOR NO KEY UPDATE),
  filled AS (
    UPDATE deployments AS d SET project_id = d.user_id FROM batch WHERE d.id = batch.id AND d.project_id IS NULL)
  SELECT id FROM batch ORDER BY id DESC LIMIT 1`;
