import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import type { DeploymentStatus } from '../deployments/domain/deployment-status';
import type { ContainerSpec } from '../engines/container-spec';
import type { NodeTarget } from '../engines/node-target';
import { isOnline } from '../nodes/node-status.sql';
import type { WorkloadSpec } from '../runtime/runtime-driver';
import type { PlanReplica } from './plan.types';

/** The options of the newest deletion; replicas that still stop for an earlier one follow them too. */
interface OpenDeletion {
  readonly generation: number;
  readonly graceSeconds: number;
}

/** One deployment as the database knows it at one moment, with its unfinished replicas and their nodes. */
export interface Snapshot {
  readonly id: string;
  readonly status: DeploymentStatus;
  readonly version: number;
  readonly generation: number;
  /** The revision that the replicas should run. */
  readonly revision: number;
  readonly targetReplicas: number;
  /** The newest deletion whose teardown is not complete; a restored deployment may have one too. */
  readonly deletion: OpenDeletion | null;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** By number, the specs of the current revision and of every other revision that a replica is still to be started with. */
  readonly specs: ReadonlyMap<number, ContainerSpec>;
  readonly replicas: readonly PlanReplica[];
  /** Every node that may hold a workload of this deployment, by its id. */
  readonly nodes: ReadonlyMap<string, NodeTarget>;
  readonly now: Date;
}

type OptionalTimeName = 'startedAt' | 'warmUntil' | 'suspendedAt' | 'suspendedRunAt';

interface ReplicaRow extends Omit<PlanReplica, 'changedAt' | OptionalTimeName>, Record<OptionalTimeName, string | null> {
  readonly changedAt: string;
  readonly node: NodeTarget;
}

interface Row extends Omit<Snapshot, 'replicas' | 'nodes' | 'specs'> {
  readonly specs: Readonly<Record<string, ContainerSpec>>;
  readonly replicas: readonly ReplicaRow[];
}

@Injectable()
export class SnapshotRepository {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
  ) {}

  /** Reads everything in one statement, so that it is of one moment. Null when there is no such deployment. */
  async load(deploymentId: string): Promise<Snapshot | null> {
    const [row] = await this.dataSource.query<Row[]>(SNAPSHOT, [deploymentId, this.config.NODE_OFFLINE_AFTER_SECONDS]);
    if (!row) return null;
    return {
      ...row,
      specs: new Map(Object.entries(row.specs).map(([number, spec]) => [Number(number), spec])),
      replicas: row.replicas.map(({ node, ...replica }) => ({
        ...replica,
        nodeId: node.id,
        nodeName: node.name,
        changedAt: new Date(replica.changedAt),
        startedAt: timeOrNull(replica.startedAt),
        warmUntil: timeOrNull(replica.warmUntil),
        suspendedAt: timeOrNull(replica.suspendedAt),
        suspendedRunAt: timeOrNull(replica.suspendedRunAt),
      })),
      nodes: new Map(row.replicas.map(({ node }) => [node.id, node])),
    };
  }
}

const timeOrNull = (time: string | null): Date | null => (time === null ? null : new Date(time));

/** How long the container of this replica may take to end by itself: `usual` unless a deletion says otherwise. */
export function graceSecondsOf({ deletion, replicas }: Pick<Snapshot, 'deletion' | 'replicas'>, replicaId: string, usual: number): number {
  const generation = replicas.find((replica) => replica.id === replicaId)?.generation;
  return deletion && generation !== undefined && generation <= deletion.generation ? deletion.graceSeconds : usual;
}

/** The spec of a revision that the snapshot carries. */
export function specOf({ id, specs }: Pick<Snapshot, 'id' | 'specs'>, revision: number): ContainerSpec {
  const spec = specs.get(revision);
  if (!spec) throw new Error(`The snapshot of deployment ${id} carries no revision ${revision}`);
  return spec;
}

export const workloadOf = (snapshot: Snapshot, replica: PlanReplica): WorkloadSpec => ({
  replicaId: replica.id,
  deploymentId: snapshot.id,
  deploymentName: snapshot.name,
  generation: replica.generation,
  labels: snapshot.labels,
  ...specOf(snapshot, replica.revision),
});

/** $1 deployment, $2 seconds of silence after which a node is offline. */
const SNAPSHOT = `
  SELECT d.id, d.status, d.version, d.generation, d.current_revision AS revision, d.target_replicas AS "targetReplicas",
         clock_timestamp() AS now,
         (SELECT json_build_object('generation', x.generation, 'graceSeconds', CASE WHEN x.force THEN 0 ELSE x.grace_seconds END)
            FROM deletions AS x WHERE x.deployment_id = d.id AND x.completed_at IS NULL
           ORDER BY x.generation DESC LIMIT 1) AS deletion,
         d.name, d.labels,
         (SELECT json_object_agg(v.number, v.spec) FROM deployment_revisions AS v
           WHERE v.deployment_id = d.id
             AND (v.number = d.current_revision
                  OR v.number IN (SELECT r.revision FROM deployment_replicas AS r
                                   WHERE r.deployment_id = d.id AND r.status IN ('pending', 'starting')))) AS specs,
         (SELECT coalesce(json_agg(json_build_object(
                   'id', r.id, 'status', r.status, 'generation', r.generation, 'revision', r.revision, 'attempt', r.attempt,
                   'reason', r.reason,
                   'nodeOnline', ${isOnline('$2')}, 'nodeDraining', n.draining, 'superseded', r.superseded_at IS NOT NULL,
                   'reserved', v.replica_id IS NOT NULL, 'changedAt', r.changed_at, 'startedAt', r.started_at,
                   'warmUntil', r.warm_until, 'suspendedAt', r.suspended_at, 'suspendedRunAt', r.suspended_run_at,
                   'node', json_build_object('id', n.id, 'name', n.name, 'runtime', n.runtime,
                                             'endpoint', n.endpoint, 'engineId', n.engine_id))
                   ORDER BY r.created_at, r.id), '[]')
            FROM deployment_replicas AS r
            JOIN nodes AS n ON n.id = r.node_id
            LEFT JOIN reservations AS v ON v.replica_id = r.id AND v.released_at IS NULL
           WHERE r.deployment_id = d.id
             AND (r.status IN ('pending', 'starting', 'running', 'stopping')
                  OR r.status = 'failed' AND (v.replica_id IS NOT NULL OR r.superseded_at IS NULL))) AS replicas
    FROM deployments AS d WHERE d.id = $1`;
