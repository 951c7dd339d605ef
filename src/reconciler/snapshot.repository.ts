import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import { hasRouters } from '../config/has-routers';
import { StatementBatcher } from '../database/statement-batcher';
import type { DeploymentStatus } from '../deployments/domain/deployment-status';
import { storedContainerOf, type StoredContainer } from '../deployments/spec/container-vault';
import { writesVolumes } from '../engines/container-spec';
import type { NodePlace } from '../engines/node-address';
import type { NodeTarget } from '../engines/node-target';
import { isLost, isOnline } from '../nodes/node-status.sql';
import { routingOf } from '../routing/routes.sql';
import type { WorkloadSpec } from '../runtime/runtime-driver';
import { rolloutPolicyOf, type RolloutPolicy } from '../deployments/domain/rollout';
import { planReplicaOf, type ReplicaNode, type ReplicaRow } from './plan-replica';
import type { PlanReplica, PlanRollout } from './plan.types';
import { routedReplicas, type Routing } from './routing';

/** The options of the newest deletion; replicas that still stop for an earlier one follow them too. */
interface OpenDeletion {
  readonly generation: number;
  readonly graceSeconds: number;
}

/** What a revision runs, with the digest of its image where one is chosen. The values of `env` are encrypted. */
type RevisionSpec = StoredContainer & Pick<WorkloadSpec, 'imageDigest'>;

/** One deployment as the database knows it at one moment, with its unfinished replicas and their nodes. */
export interface Snapshot {
  readonly id: string;
  readonly status: DeploymentStatus;
  readonly version: number;
  readonly generation: number;
  /** The revision that was last rolled out whole, and the rollout that brought it. */
  readonly revision: number;
  readonly currentRollout: number;
  readonly rollout: PlanRollout | null;
  readonly policy: RolloutPolicy;
  /** A revision that it carries writes to volumes. */
  readonly writesVolumes: boolean;
  readonly targetReplicas: number;
  /** It has not run yet, and the time is not over in which it waits for what passes by itself. */
  readonly patient: boolean;
  /** The newest deletion whose teardown is not complete; a restored deployment may have one too. */
  readonly deletion: OpenDeletion | null;
  /** Null for a deployment that never had routes. */
  readonly routing: Routing | null;
  /** The ports to which routes lead; none where there is no router. */
  readonly routedPorts: readonly number[];
  readonly name: string;
  /** Its project. */
  readonly ownerId: string;
  readonly labels: Readonly<Record<string, string>>;
  /**
   * By number, the specs of the current revision, of the one that is rolled out, and of every other revision that a live replica
   * runs or is to be started with.
   */
  readonly specs: ReadonlyMap<number, RevisionSpec>;
  readonly replicas: readonly PlanReplica[];
  /** Every node that may hold a workload of this deployment, by its id. */
  readonly nodes: ReadonlyMap<string, NodeTarget & NodePlace>;
  readonly now: Date;
}

interface Row extends Omit<Snapshot, 'replicas' | 'nodes' | 'specs' | 'rollout' | 'policy' | 'writesVolumes' | 'routedPorts'> {
  readonly nodes: Readonly<Record<string, ReplicaNode>> | null;
  readonly rollout: (Omit<PlanRollout, 'startedAt' | 'deadlineAt'> & { readonly startedAt: string; readonly deadlineAt: string }) | null;
  readonly policy: Partial<RolloutPolicy>;
  readonly specs: Readonly<Record<string, RevisionSpec>>;
  readonly replicas: readonly ReplicaRow[];
}

/** So many snapshots share a statement at most, and so many statements are under way. */
const [MOST_TOGETHER, AT_ONCE] = [16, 2];

@Injectable()
export class SnapshotRepository {
  private readonly together = new StatementBatcher<string, Row>((ids) => this.readAll(ids), MOST_TOGETHER, AT_ONCE);

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
  ) {}

  /**
   * Reads everything in one statement, so that it is of one moment; snapshots that are asked for together share it. Null when there
   * is no such deployment.
   */
  async load(deploymentId: string): Promise<Snapshot | null> {
    const row = await this.together.get(deploymentId);
    if (!row) return null;
    const routed = routedReplicas(row.routing);
    const nodes = new Map(Object.entries(row.nodes ?? {}));
    const specs = new Map(Object.entries(row.specs).map(([number, spec]) => [Number(number), spec]));
    return {
      ...row,
      rollout: row.rollout && {
        ...row.rollout,
        startedAt: new Date(row.rollout.startedAt),
        deadlineAt: new Date(row.rollout.deadlineAt),
      },
      policy: rolloutPolicyOf(row.policy),
      routedPorts: hasRouters(this.config) ? (row.routing?.ports ?? []) : [],
      writesVolumes: Object.values(row.specs).some(writesVolumes),
      specs,
      replicas: row.replicas.map((replica) => {
        // Where no grace is given, nobody waits for requests either.
        const isRouted = routed.has(replica.id) && graceSecondsOf(row, replica.id, 1) > 0;
        const node = nodes.get(replica.nodeId);
        if (!node) throw new Error(`The snapshot of deployment ${row.id} carries no node ${replica.nodeId}`);
        return planReplicaOf(replica, { node, spec: specs.get(replica.revision) ?? null, routed: isRouted });
      }),
      nodes,
    };
  }

  private async readAll(ids: readonly string[]): Promise<(Row | null)[]> {
    const rows = await this.dataSource.query<Row[]>(SNAPSHOT, [
      ...[ids, this.config.NODE_OFFLINE_AFTER_SECONDS, this.config.START_DEADLINE_SECONDS],
      ...[this.config.NODE_LOST_AFTER_SECONDS, this.config.DRAIN_SECONDS],
    ]);
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids.map((id) => byId.get(id) ?? null);
  }
}

interface Graced extends Pick<Snapshot, 'deletion'> {
  readonly replicas: readonly { readonly id: string; readonly generation: number }[];
}

/** How long the container of this replica may take to end by itself: `usual` unless a deletion says otherwise. */
export function graceSecondsOf({ deletion, replicas }: Graced, replicaId: string, usual: number): number {
  const generation = replicas.find((replica) => replica.id === replicaId)?.generation;
  return deletion && generation !== undefined && generation <= deletion.generation ? deletion.graceSeconds : usual;
}

/** The spec of a revision that the snapshot carries. */
export function specOf({ id, specs }: Pick<Snapshot, 'id' | 'specs'>, revision: number): RevisionSpec {
  const spec = specs.get(revision);
  if (!spec) throw new Error(`The snapshot of deployment ${id} carries no revision ${revision}`);
  return spec;
}

/**
 * $1 deployments, $2 seconds of silence after which a node is offline, $3 for how many seconds a start may wait, $4 of silence
 * after which it is lost, $5 how many seconds requests may take that are under way.
 */
const SNAPSHOT = `
  SELECT d.id, d.status, d.version, d.generation, d.current_revision AS revision, d.current_rollout AS "currentRollout",
         d.rollout_policy AS policy, d.target_replicas AS "targetReplicas",
         clock_timestamp() AS now,
         d.status IN ('pending', 'scheduled')
         AND (SELECT h.changed_at > clock_timestamp() - make_interval(secs => $3)
                FROM deployment_status_history AS h
               WHERE h.deployment_id = d.id AND h.old_status NOT IN ('pending', 'scheduled')
               ORDER BY h.id DESC LIMIT 1) IS TRUE AS patient,
         (SELECT json_build_object('generation', x.generation, 'graceSeconds', CASE WHEN x.force THEN 0 ELSE x.grace_seconds END)
            FROM deletions AS x WHERE x.deployment_id = d.id AND x.completed_at IS NULL
           ORDER BY x.generation DESC LIMIT 1) AS deletion,
         (SELECT json_build_object('number', o.number, 'revision', o.revision, 'fromRevision', o.from_revision, 'state', o.state,
                                   'reason', o.reason, 'healthyReplicas', o.healthy_replicas, 'startedAt', o.started_at,
                                   'deadlineAt', o.deadline_at)
            FROM deployment_rollouts AS o WHERE o.deployment_id = d.id AND o.number = d.open_rollout) AS rollout,
         ${routingOf('d', '$5')} AS routing,
         d.name, d.project_id AS "ownerId", d.labels,
         (SELECT json_object_agg(v.number, ${storedContainerOf('v')} || jsonb_build_object('imageDigest', v.image_digest))
            FROM deployment_revisions AS v
           WHERE v.deployment_id = d.id
             AND (v.number = d.current_revision
                  OR v.number = (SELECT o.revision FROM deployment_rollouts AS o
                                  WHERE o.deployment_id = d.id AND o.number = d.open_rollout)
                  OR v.number IN (SELECT r.revision FROM deployment_replicas AS r
                                   WHERE r.deployment_id = d.id AND r.status IN ('pending', 'starting', 'running')))) AS specs,
         coalesce(unfinished.replicas, '[]') AS replicas,
         (SELECT json_object_agg(n.id, json_build_object(
                   'id', n.id, 'name', n.name, 'runtime', n.runtime, 'endpoint', n.endpoint, 'address', n.address,
                   'engineId', n.engine_id, 'ociRuntime', n.oci_runtime,
                   'online', ${isOnline('$2')}, 'draining', n.draining, 'lost', ${isLost('$2', '$4')}))
            FROM nodes AS n WHERE n.id = ANY(unfinished.nodes)) AS nodes
    FROM deployments AS d
   CROSS JOIN LATERAL (
         SELECT array_agg(DISTINCT r.node_id) AS nodes,
                json_agg(json_build_object(
                  'id', r.id, 'status', r.status, 'generation', r.generation, 'revision', r.revision, 'rollout', r.rollout,
                  'attempt', r.attempt, 'reason', r.reason, 'nodeId', r.node_id,
                  'superseded', r.superseded_at IS NOT NULL,
                  'failedByNode', r.failed_by_node, 'completed', r.completed_at IS NOT NULL,
                  'reserved', v.replica_id IS NOT NULL, 'changedAt', r.changed_at, 'startedAt', r.started_at,
                  'runningAt', coalesce(r.running_at, CASE WHEN r.status = 'running' THEN r.changed_at END),
                  'runAt', r.engine_started_at, 'paused', r.paused_at IS NOT NULL, 'published', r.published,
                  'startedSecondsAgo', extract(epoch FROM clock_timestamp() - r.started_at),
                  'warmUntil', r.warm_until, 'suspendedAt', r.suspended_at, 'suspendedRunAt', r.suspended_run_at,
                  'check', CASE WHEN c.replica_id IS NOT NULL
                                THEN json_build_object('run', c.run, 'healthy', c.healthy, 'reason', c.reason) END)
                  ORDER BY r.created_at, r.id) AS replicas
           FROM deployment_replicas AS r
           LEFT JOIN reservations AS v ON v.replica_id = r.id AND v.released_at IS NULL
           LEFT JOIN replica_checks AS c ON c.replica_id = r.id
          WHERE r.deployment_id = d.id
            AND (r.status IN ('pending', 'starting', 'running', 'stopping')
                 OR r.status = 'failed' AND (v.replica_id IS NOT NULL OR r.superseded_at IS NULL)
                 OR r.status = 'stopped' AND r.completed_at IS NOT NULL AND r.generation = d.generation
                    AND r.superseded_at IS NULL)) AS unfinished
   WHERE d.id = ANY($1::uuid[])`;
