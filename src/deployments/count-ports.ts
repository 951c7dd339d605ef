import type { EntityManager } from 'typeorm';

const BATCH = 1_000;

/** Before every id. */
export const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

/**
 * Counts the ports of deployments anew where another number is noted than their current revisions say, for the next thousand deployments
 * after this id. Gives the last of them; null: there are none.
 */
export async function countPorts(manager: EntityManager, after: string): Promise<string | null> {
  const [row] = await manager.query<{ id: string }[]>(COUNT, [after, BATCH]);
  return row?.id ?? null;
}

/** $1 the last deployment of the batch before, $2 how many. Only what is wrong is locked, in the order of everybody. */
const COUNT = `
  WITH batch AS MATERIALIZED (SELECT id, current_revision FROM deployments WHERE id > $1::uuid ORDER BY id LIMIT $2),
  wrong AS MATERIALIZED (
    SELECT d.id FROM batch AS d
      JOIN deployment_resources AS r ON r.deployment_id = d.id
      JOIN deployment_revisions AS v ON v.deployment_id = d.id AND v.number = d.current_revision
     WHERE r.ports <> jsonb_array_length(v.spec->'ports')),
  locked AS MATERIALIZED (
    SELECT d.id, d.current_revision FROM deployments AS d WHERE d.id IN (SELECT id FROM wrong) ORDER BY d.id FOR NO KEY UPDATE),
  counted AS (
    UPDATE deployment_resources AS r SET ports = jsonb_array_length(v.spec->'ports')
      FROM locked AS d JOIN deployment_revisions AS v ON v.deployment_id = d.id AND v.number = d.current_revision
     WHERE r.deployment_id = d.id AND r.ports <> jsonb_array_length(v.spec->'ports'))
  SELECT id FROM batch ORDER BY id DESC LIMIT 1`;
