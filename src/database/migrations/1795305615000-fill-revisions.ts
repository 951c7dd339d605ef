import type { MigrationInterface, QueryRunner } from 'typeorm';

const BATCH = 10_000;
/** Before every id. A comparison with it finds its rows by the index; `$1 IS NULL OR …` would read all rows for each batch. */
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

/**
 * Makes revision 1 of the deployments that were there before. Each batch is a transaction of its own that keeps
 * deployments only from being purged meanwhile, and a start that is interrupted goes on with what is missing.
 */
export class FillRevisions1795305615000 implements MigrationInterface {
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    let after: string | null = BEFORE_ALL;
    do after = await this.fillAfter(runner, after);
    while (after !== null);
  }

  /** Returns the last deployment of the batch; null: there was none. $1: the last of the batch before. */
  private async fillAfter(runner: QueryRunner, after: string): Promise<string | null> {
    const [row] = (await runner.query(
      `WITH batch AS MATERIALIZED (
         SELECT d.id FROM deployments AS d WHERE d.id > $1::uuid ORDER BY d.id LIMIT ${String(BATCH)} FOR KEY SHARE),
       filled AS (
         INSERT INTO deployment_revisions (deployment_id, number, spec, created_at, created_by)
         SELECT d.id, 1, first_revision_spec(d, r), d.created_at, d.user_id
           FROM batch JOIN deployments AS d ON d.id = batch.id JOIN deployment_resources AS r ON r.deployment_id = d.id
             ON CONFLICT DO NOTHING)
       SELECT id FROM batch ORDER BY id DESC LIMIT 1`,
      [after],
    )) as { id: string }[];
    return row?.id ?? null;
  }

  /** The rows go with their table. */
  async down(): Promise<void> {
    await Promise.resolve();
  }
}
