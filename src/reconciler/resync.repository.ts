import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';

/** Makes jobs for nodes and unfinished deployments that have none, so that a lost wish costs seconds and nothing more. */
@Injectable()
export class ResyncRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Returns how many deployments had no job. */
  async enqueueUnsettled(): Promise<number> {
    const rows = await this.dataSource.query<unknown[]>(UNSETTLED);
    return rows.length;
  }

  async enqueueNodes(): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO jobs (kind, key) SELECT 'node.sync', id::text FROM nodes WHERE removed_at IS NULL ORDER BY id
           ON CONFLICT (kind, key) DO NOTHING`,
    );
  }
}

/**
 * Uses the partial indexes of unfinished rows. A failed replica that is superseded and still holds its reservation is left out:
 * its node does not answer, and the sync wakes such deployments when the node returns.
 */
const UNSETTLED = `
  INSERT INTO jobs (kind, key)
  SELECT 'deployment.reconcile', id::text
    FROM (SELECT id FROM deployments WHERE status IN ('pending', 'scheduled')
          UNION
          SELECT deployment_id FROM deployment_replicas WHERE status IN ('pending', 'starting', 'stopping')
          UNION
          SELECT deployment_id FROM deletions WHERE completed_at IS NULL
          UNION
          SELECT r.deployment_id FROM deployment_replicas AS r JOIN deployments AS d ON d.id = r.deployment_id
           WHERE r.status = 'failed' AND r.superseded_at IS NULL
             AND (d.status = 'running'
                  OR EXISTS (SELECT 1 FROM reservations AS v WHERE v.replica_id = r.id AND v.released_at IS NULL))
         ) AS unsettled
   ORDER BY id
      ON CONFLICT (kind, key) DO NOTHING
  RETURNING id`;
