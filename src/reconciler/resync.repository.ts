import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';

const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';
/** So that a resync does not cost with the number of deployments that are reached. */
const TABLES_AT_ONCE = 1_000;

/** Makes jobs for nodes and unfinished deployments that have none, so that a lost wish costs seconds and nothing more. */
@Injectable()
export class ResyncRepository {
  /** The last table of routes that was compared; the next time goes on there. */
  private comparedTo = BEFORE_ALL;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Returns how many deployments had no job. Of the tables of routes, it compares the next thousand each time. */
  async enqueueUnsettled(): Promise<number> {
    const [row] = await this.dataSource.query<{ made: number; comparedTo: string | null }[]>(UNSETTLED, [this.comparedTo, TABLES_AT_ONCE]);
    this.comparedTo = row?.comparedTo ?? BEFORE_ALL;
    return row?.made ?? 0;
  }

  async enqueueNodes(): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO jobs (kind, key) SELECT 'node.sync', id::text FROM nodes WHERE removed_at IS NULL ORDER BY id
           ON CONFLICT (kind, key) DO NOTHING`,
    );
  }
}

/**
 * $1 the table of routes that was compared last, $2 how many are compared. Uses the partial indexes of unfinished rows. A failed
 * replica that is superseded and still holds its reservation is left out: its node does not answer, and the sync wakes such
 * deployments when the node returns. The last part compares who answers for
 * routes with who should; both are written in one transaction, so it finds what was changed by hand.
 */
const UNSETTLED = `
  WITH compared AS (
    SELECT deployment_id, backends FROM route_tables WHERE deployment_id > $1 ORDER BY deployment_id LIMIT $2),
  made AS (
  INSERT INTO jobs (kind, key)
  SELECT 'deployment.reconcile', id::text
    FROM (SELECT id FROM deployments WHERE status IN ('pending', 'scheduled')
          UNION
          SELECT deployment_id FROM deployment_replicas WHERE status IN ('pending', 'starting', 'stopping')
          UNION
          SELECT deployment_id FROM deletions WHERE completed_at IS NULL
          UNION
          SELECT deployment_id FROM deployment_rollouts WHERE finished_at IS NULL AND state <> 'paused'
          UNION
          SELECT r.deployment_id FROM deployment_replicas AS r JOIN deployments AS d ON d.id = r.deployment_id
           WHERE r.status = 'failed' AND r.superseded_at IS NULL
             AND (d.status = 'running'
                  OR EXISTS (SELECT 1 FROM reservations AS v WHERE v.replica_id = r.id AND v.released_at IS NULL))
          UNION
          SELECT t.deployment_id FROM compared AS t
           WHERE jsonb_array_length(t.backends) <>
                 (SELECT count(*) FROM deployment_replicas AS r LEFT JOIN replica_checks AS c ON c.replica_id = r.id
                   WHERE r.deployment_id = t.deployment_id AND r.status = 'running' AND r.paused_at IS NULL
                     AND (c.replica_id IS NULL OR c.healthy))
         ) AS unsettled
   ORDER BY id
      ON CONFLICT (kind, key) DO NOTHING
  RETURNING id)
  SELECT (SELECT count(*)::int FROM made) AS made,
         (SELECT deployment_id FROM compared ORDER BY deployment_id OFFSET $2 - 1) AS "comparedTo"`;
