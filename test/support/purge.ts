import type { DataSource, EntityManager } from 'typeorm';
import { aDeployment, aNode, insertRow } from './rows';
import { until } from './until';

type Database = Pick<DataSource | EntityManager, 'query'>;

export interface DeletedOptions {
  readonly replicas?: number;
  readonly deletedDaysAgo?: number;
  /** Negative when the purge is not due yet. */
  readonly dueSecondsAgo?: number;
  readonly values?: Readonly<Record<string, unknown>>;
}

const MS = { second: 1_000, day: 86_400_000 };
const ago = (ms: number): Date => new Date(Date.now() - ms);

/**
 * Inserts a deployment that was deleted and torn down, with rows in every table that belongs to it, as the API and the
 * reconciler leave them. It is inserted because no test waits for days of retention.
 */
export async function aDeletedDeployment(database: Database, userId: string, options: DeletedOptions = {}): Promise<string> {
  const { replicas = 1, deletedDaysAgo = 30, dueSecondsAgo = 60, values = {} } = options;
  const deletedAt = ago(deletedDaysAgo * MS.day);
  const id = await aDeployment(database, {
    ...{ user_id: userId, status: 'deleted', deleted_at: deletedAt, target_replicas: Math.max(1, replicas) },
    ...{ purge_at: ago(dueSecondsAgo * MS.second), container: { env: { TOKEN: 'canary-of-the-purge' } } },
    ...values,
  });
  const placement_id = await insertRow(database, 'placements', { deployment_id: id, cause: 'deploy', explanation: {} });
  const node_id = await aNode(database, { cordoned: true });
  await database.query(
    `WITH replica AS (
       INSERT INTO deployment_replicas (deployment_id, node_id, placement_id, generation, status, stopped_at)
       SELECT $1, $2, $3, 1, 'stopped', now() FROM generate_series(1, $4::int) RETURNING *)
     INSERT INTO reservations (replica_id, deployment_id, node_id, cpu_cores, memory_mb, gpu_units, storage_gb)
     SELECT id, deployment_id, node_id, 0.1, 8, 0, 1 FROM replica`,
    [id, node_id, placement_id, replicas],
  );
  await database.query(
    `INSERT INTO kept_logs (replica_id, deployment_id, lines, cut)
     SELECT id, deployment_id, '["canary-of-the-purge"]', false FROM deployment_replicas WHERE deployment_id = $1`,
    [id],
  );
  await database.query(`UPDATE reservations SET released_at = now() WHERE deployment_id = $1`, [id]);
  await aDeletion(database, id, { decided_at: deletedAt, completed_at: deletedAt });
  return id;
}

/** Replaces the deletion of the first generation, or of another one. It is open unless `completed_at` is set. */
export async function aDeletion(database: Database, deploymentId: string, values: Readonly<Record<string, unknown>> = {}): Promise<string> {
  await database.query(`DELETE FROM deletions WHERE deployment_id = $1 AND generation = $2`, [deploymentId, values.generation ?? 1]);
  return insertRow(database, 'deletions', {
    ...{ deployment_id: deploymentId, generation: 1, grace_seconds: 10, retention_policy: '30 days, the default', decided_at: new Date() },
    ...values,
  });
}

/** Ends the retention of a deployment now, since no test waits that long. */
export async function letRetentionPass(database: DataSource, id: string): Promise<void> {
  await database.transaction(async (manager) => {
    await manager.query(`SELECT set_config('fog.operation', 'retention', true)`);
    await manager.query(`UPDATE deployments SET purge_at = now() - interval '1 second' WHERE id = $1`, [id]);
  });
}

/** How many rows of this deployment are left in each table. Audit rows and events do not belong to it. */
export async function rowsOf(database: Database, id: string): Promise<Record<string, number>> {
  const [row] = await database.query<[Record<string, number>]>(
    `SELECT (SELECT count(*)::int FROM deployments WHERE id = $1) AS deployments,
            (SELECT count(*)::int FROM deployment_resources WHERE deployment_id = $1) AS deployment_resources,
            (SELECT count(*)::int FROM deployment_revisions WHERE deployment_id = $1) AS deployment_revisions,
            (SELECT count(*)::int FROM deployment_replicas WHERE deployment_id = $1) AS deployment_replicas,
            (SELECT count(*)::int FROM reservations WHERE deployment_id = $1) AS reservations,
            (SELECT count(*)::int FROM kept_logs WHERE deployment_id = $1) AS kept_logs,
            (SELECT count(*)::int FROM placements WHERE deployment_id = $1) AS placements,
            (SELECT count(*)::int FROM deployment_status_history WHERE deployment_id = $1) AS deployment_status_history,
            (SELECT count(*)::int FROM deletions WHERE deployment_id = $1) AS deletions,
            (SELECT count(*)::int FROM jobs WHERE key = $1::text) AS jobs`,
    [id],
  );
  return row;
}

const NO_ROWS = {
  ...{ deployments: 0, deployment_resources: 0, deployment_revisions: 0, deployment_replicas: 0, reservations: 0 },
  ...{ kept_logs: 0, placements: 0, deployment_status_history: 0, deletions: 0 },
};

/**
 * Nothing of a purged deployment may be left. A sync that had read its replicas before may wake it once more; that job finds
 * no deployment and ends, so it is waited for.
 */
export async function expectNothingLeft(database: Database, id: string): Promise<void> {
  expect(await rowsOf(database, id)).toMatchObject(NO_ROWS);
  const left = await until(
    async () => {
      const rows = await rowsOf(database, id);
      return rows.jobs === 0 && rows;
    },
    { what: 'the last job of a purged deployment to end' },
  );
  expect(left).toEqual({ ...NO_ROWS, jobs: 0 });
}

export const purgeAuditsOf = (
  database: Database,
  id: string,
): Promise<{ via: string; before: Record<string, unknown>; after: Record<string, unknown> }[]> =>
  database.query(`SELECT via, before, after FROM audit_log WHERE action = 'deployment.purge' AND resource_id = $1 AND outcome = 'done'`, [
    id,
  ]);

export const purgeEventsOf = (database: Database, id: string): Promise<{ user_id: string }[]> =>
  database.query(`SELECT user_id FROM events WHERE type = 'fog.deployment.purged' AND deployment_id = $1`, [id]);
