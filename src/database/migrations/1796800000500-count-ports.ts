import type { MigrationInterface, QueryRunner } from 'typeorm';

const BATCH = 5_000;
/** Before every id. A comparison with it finds its rows by the index. */
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

/** Counts the ports of the deployments that were there before. Each batch is a transaction of its own. */
export class CountPorts1796800000500 implements MigrationInterface {
  readonly transaction = false;

  /** The statement answers with the last row of its batch; with none when there was nothing left. */
  async up(runner: QueryRunner): Promise<void> {
    let after: string | undefined = BEFORE_ALL;
    while (after !== undefined) {
      const [row] = (await runner.query(COUNT, [after])) as { id: string }[];
      after = row?.id;
    }
  }

  /** The counts go with their column. */
  async down(): Promise<void> {
    await Promise.resolve();
  }
}

/** $1 the last deployment of the batch before. The rows are locked in their order, as everybody does. */
const COUNT = `
  WITH batch AS MATERIALIZED (
    SELECT d.id, d.current_revision FROM deployments AS d WHERE d.id > $1::uuid
     ORDER BY d.id LIMIT ${String(BATCH)} FOR NO KEY UPDATE),
  counted AS (
    UPDATE deployment_resources AS r SET ports = jsonb_array_length(v.spec->'ports')
      FROM batch AS d JOIN deployment_revisions AS v ON v.deployment_id = d.id AND v.number = d.current_revision
     WHERE r.deployment_id = d.id AND r.ports = 0 AND jsonb_array_length(v.spec->'ports') > 0)
  SELECT id FROM batch ORDER BY id DESC LIMIT 1`;
