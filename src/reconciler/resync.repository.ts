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
      `INSERT INTO jobs (kind, key) SELECT 'node.sync', id::text FROM nodes WHERE removed_at IS NULL ON CONFLICT (kind, key) DO NOTHING`,
    );
  }
}

const UNSETTLED = `
  INSERT INTO jobs (kind, key)
  SELECT 'deployment.reconcile', id::text
    FROM (SELECT id FROM deployments WHERE status IN ('pending', 'scheduled')
          UNION
          SELECT deployment_id FROM deployment_replicas WHERE status IN ('pending', 'starting', 'stopping')
          UNION
          SELECT r.deployment_id FROM deployment_replicas AS r JOIN deployments AS d ON d.id = r.deployment_id
           WHERE r.status = 'failed' AND r.superseded_at IS NULL AND r.generation = d.generation AND d.status = 'running'
          UNION
          SELECT v.deployment_id FROM reservations AS v JOIN deployment_replicas AS r ON r.id = v.replica_id
           WHERE v.released_at IS NULL AND r.status = 'failed') AS unsettled
   ORDER BY id
      ON CONFLICT (kind, key) DO NOTHING
  RETURNING id`;
