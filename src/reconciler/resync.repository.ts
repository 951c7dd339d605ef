import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';

/** The safety net of the queue: whatever is unsettled and has no job gets one, so a lost job costs seconds. */
@Injectable()
export class ResyncRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Returns how many deployments had been without a job. */
  async enqueueUnsettled(): Promise<number> {
    const rows = await this.dataSource.query<unknown[]>(UNSETTLED);
    return rows.length;
  }

  async enqueueNodes(): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO jobs (kind, key) SELECT 'node.sync', id::text FROM nodes WHERE removed_at IS NULL ORDER BY id ON CONFLICT (kind, key) DO NOTHING`,
    );
  }
}

/**
 * By the partial indexes of what is unsettled. A failed replica that was superseded and still holds its reservation is left
 * out: its node is silent, and all that waits for a node is woken when that comes back.
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
             AND (d.status = 'running' OR EXISTS (SELECT 1 FROM reservations AS v WHERE v.replica_id = r.id AND v.released_at IS NULL))
         ) AS unsettled
   ORDER BY id
      ON CONFLICT (kind, key) DO NOTHING
  RETURNING id`;
