import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import type { ReplicaStatus } from '../deployments/domain/replica-status';
import type { RuntimeKind } from '../engines/runtime-kinds';
import { isOnline } from '../nodes/node-status.sql';
import type { RecordedRun } from './runs';

/** The record of a replica on a node. `finished`: its container should no longer exist. */
export interface ReplicaRecord extends RecordedRun {
  readonly id: string;
  readonly deploymentId: string;
  readonly status: ReplicaStatus;
  readonly finished: boolean;
  /** Its container has been stopped and is kept for a restore. */
  readonly suspended: boolean;
  /** Its engine makes its health check, which had not passed when that was last recorded. */
  readonly awaitsCheck: boolean;
}

@Injectable()
export class NodeSyncRepository {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
  ) {}

  /**
   * The ids of the offline nodes of these kinds. Nodes that answered most recently come first, as they are likeliest to answer.
   */
  async silent(runtimes: readonly RuntimeKind[]): Promise<string[]> {
    const rows = await this.dataSource.query<{ id: string }[]>(
      `SELECT n.id FROM nodes AS n
        WHERE n.removed_at IS NULL AND n.runtime = ANY($1::text[]) AND NOT ${isOnline('$2')}
        ORDER BY n.last_heartbeat DESC NULLS LAST, n.id`,
      [runtimes, this.config.NODE_OFFLINE_AFTER_SECONDS],
    );
    return rows.map((row) => row.id);
  }

  /** The unfinished replicas of the node, and the records of all replicas that its engine showed. */
  async replicas(nodeId: string, shownIds: readonly string[]): Promise<ReplicaRecord[]> {
    return this.dataSource.query<ReplicaRecord[]>(
      `SELECT r.id, r.deployment_id AS "deploymentId", r.status,
              r.status = 'stopped' OR (r.status = 'failed' AND v.replica_id IS NULL) AS finished,
              r.status = 'stopping' AND r.suspended_at IS NOT NULL AS suspended,
              EXISTS (SELECT 1 FROM replica_checks AS c
                       WHERE c.replica_id = r.id AND c.probe IS NULL AND c.healthy IS NOT TRUE) AS "awaitsCheck",
              r.engine_started_at AS "runAt", r.paused_at IS NOT NULL AS paused, r.published,
              extract(epoch FROM clock_timestamp() - r.started_at)::float8 AS "startedSecondsAgo"
         FROM (SELECT replica_id AS id FROM reservations WHERE node_id = $1 AND released_at IS NULL
               UNION SELECT unnest($2::uuid[])) AS wanted
         JOIN deployment_replicas AS r ON r.id = wanted.id
         LEFT JOIN reservations AS v ON v.replica_id = r.id AND v.released_at IS NULL`,
      [nodeId, shownIds],
    );
  }
}
