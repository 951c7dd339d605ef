import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import type { NodeTarget } from '../engines/node-target';
import { isOnline } from '../nodes/node-status.sql';
import type { ReplicaStatus } from './domain/replica-status';

/** A replica that may have a container, and where. */
export interface LiveReplica {
  readonly id: string;
  readonly status: ReplicaStatus;
  readonly node: NodeTarget;
  /** The engine of its node has answered lately. */
  readonly online: boolean;
  readonly cpuCores: number;
  readonly memoryMb: number;
}

export interface LiveReplicas {
  readonly deleted: boolean;
  /** The oldest first. */
  readonly replicas: readonly LiveReplica[];
}

interface Row {
  readonly id: string;
  readonly deleted: boolean;
  readonly replicas: readonly LiveReplica[];
}

/** Reads which containers deployments have now. Who may see them is checked elsewhere. */
@Injectable()
export class LiveReplicasRepository {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
  ) {}

  /** Leaves out deployments that do not exist, and replicas that are kept for a restore. */
  async of(ids: readonly string[]): Promise<Map<string, LiveReplicas>> {
    const rows = await this.dataSource.query<Row[]>(LIVE, [ids, this.config.NODE_OFFLINE_AFTER_SECONDS]);
    return new Map(rows.map(({ id, deleted, replicas }) => [id, { deleted, replicas }]));
  }
}

/** $1 deployments, $2 seconds of silence after which a node is offline. */
const LIVE = `
  SELECT d.id, d.status = 'deleted' AS deleted, coalesce(l.replicas, '[]') AS replicas
    FROM deployments AS d
   CROSS JOIN LATERAL (
          SELECT json_agg(json_build_object('id', r.id, 'status', r.status, 'online', ${isOnline('$2')},
                          'cpuCores', v.cpu_cores::float8, 'memoryMb', v.memory_mb,
                          'node', json_build_object('id', n.id, 'name', n.name, 'runtime', n.runtime, 'endpoint', n.endpoint,
                                                    'engineId', n.engine_id)) ORDER BY r.created_at, r.id) AS replicas
            FROM deployment_replicas AS r
            JOIN nodes AS n ON n.id = r.node_id
            JOIN reservations AS v ON v.replica_id = r.id
           WHERE r.deployment_id = d.id AND r.status IN ('starting', 'running', 'stopping') AND r.suspended_at IS NULL) AS l
   WHERE d.id = ANY($1::uuid[])`;
