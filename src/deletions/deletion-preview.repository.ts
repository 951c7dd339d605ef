import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Actor } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { isOnline } from '../nodes/node-status.sql';
import { CANDIDATES, type DeletionCandidate } from './deletions.repository';
import type { ReplicaStatus } from '../deployments/domain/replica-status';
import { MOUNTS } from '../deployments/volumes/mounts.sql';
import { reachOf } from '../rights/reach';

/** A replica that is not gone yet or still holds capacity. */
export interface PreviewReplica {
  readonly id: string;
  readonly status: ReplicaStatus;
  readonly nodeId: string;
  readonly nodeName: string;
  readonly online: boolean;
  readonly published: readonly { containerPort: number; protocol: string; hostIp: string; hostPort: number }[];
  /** The amount of its open reservation; null when there is none. */
  readonly holds: {
    readonly cpu_cores: number;
    readonly memory_mb: number;
    readonly gpu_units: number;
    readonly storage_gb: number;
  } | null;
}

export interface PreviewFacts extends DeletionCandidate {
  readonly now: Date;
  readonly replicas: readonly PreviewReplica[];
  /** The names of the volumes that it mounts. */
  readonly volumes: readonly string[];
}

/** Reads what a deletion would find. One statement, no lock. */
@Injectable()
export class DeletionPreviewRepository {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
  ) {}

  /** Undefined when the deployment is missing or foreign. */
  async facts(id: string, actor: Pick<Actor, 'userId' | 'isAdmin' | 'boundTo'>): Promise<PreviewFacts | undefined> {
    const parameters = [[id], actor.userId, reachOf(actor), this.config.NODE_OFFLINE_AFTER_SECONDS];
    const [row] = await this.dataSource.query<PreviewFacts[]>(FACTS, parameters);
    return row;
  }
}

/** $1 to $3 as in CANDIDATES, $4 seconds of silence after which a node is offline. */
const FACTS = `
  SELECT c.*, clock_timestamp() AS now,
         (SELECT coalesce(json_agg(json_build_object(
                   'id', r.id, 'status', r.status, 'nodeId', n.id, 'nodeName', n.name, 'online', ${isOnline('$4')},
                   'published', r.published,
                   'holds', CASE WHEN v.replica_id IS NOT NULL THEN json_build_object(
                              'cpu_cores', v.cpu_cores::float8, 'memory_mb', v.memory_mb,
                              'gpu_units', v.gpu_units, 'storage_gb', v.storage_gb) END)
                   ORDER BY n.name, n.id, r.created_at, r.id), '[]')
            FROM deployment_replicas AS r JOIN nodes AS n ON n.id = r.node_id
            LEFT JOIN reservations AS v ON v.replica_id = r.id AND v.released_at IS NULL
           WHERE r.deployment_id = c.id AND (r.status NOT IN ('stopped', 'failed') OR v.replica_id IS NOT NULL)) AS replicas,
         (SELECT coalesce(json_agg(DISTINCT m.name ORDER BY m.name), '[]') FROM ${MOUNTS} WHERE d.id = c.id) AS volumes
    FROM (${CANDIDATES}) AS c`;
