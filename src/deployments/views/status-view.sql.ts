import { readable } from '../../rights/rights.sql';
import { isoTime, isoTimeOrNull, type JsonTime } from '../../database/json-time';
import type { NodePlace } from '../../engines/node-address';
import type { RuntimeKind } from '../../engines/runtime-kinds';
import { routesOf } from '../../routing/routes.sql';
import { isOnline } from '../../nodes/node-status.sql';
import type { DeploymentStatus, NO_STATUS } from '../domain/deployment-status';
import type { ReplicaStatus } from '../domain/replica-status';
import type { RolloutDto } from '../dto/rollout.dto';
import { newestRollout, toRollout, type RolloutRow } from './rollout-view.sql';

/** ISO 8601, UTC, milliseconds. */
type IsoTime = string;

interface ReplicaView {
  readonly id: string;
  readonly nodeId: string;
  readonly nodeName: string;
  readonly runtime: RuntimeKind;
  /** What says where its ports are reached; never shown. */
  readonly nodePlace: NodePlace;
  readonly online: boolean;
  readonly observedAt: IsoTime | null;
  readonly status: ReplicaStatus;
  readonly containerId: string | null;
  readonly startedAt: IsoTime | null;
  readonly stoppedAt: IsoTime | null;
  readonly reason: string | null;
  readonly attempt: number;
  readonly published: readonly { containerPort: number; protocol: string; hostIp: string; hostPort: number }[];
  /** True for replicas of the current generation that are not superseded: they count for the health. */
  readonly counts: boolean;
  readonly pausedAt: IsoTime | null;
  /** It has ended well and needs no successor. */
  readonly completed: boolean;
  readonly revision: number;
  /** What its health check says, and why; null without one, and while nothing is known. */
  readonly healthy: boolean | null;
  readonly checkReason: string | null;
  /** Of the cluster that its node is; null for other nodes. */
  readonly namespace: string | null;
}

/** A route, and how many replicas answer for it. */
interface RouteView {
  readonly host: string;
  readonly pathPrefix: string;
  readonly port: number;
  readonly removed: boolean;
  readonly backends: number;
}

export interface StatusView {
  readonly id: string;
  readonly name: string;
  readonly status: DeploymentStatus;
  readonly targetReplicas: number;
  /** The one that was last rolled out whole. */
  readonly revision: number;
  readonly rollout: RolloutDto | null;
  readonly createdAt: IsoTime;
  readonly updatedAt: IsoTime;
  readonly deletedAt: IsoTime | null;
  readonly version: number;
  readonly protectionReason: string | null;
  readonly legalHold: boolean;
  readonly projectId: string;
  /** The name of its project. */
  readonly project: string;
  readonly purgeAt: IsoTime | null;
  readonly resources: { readonly cpu_cores: number; readonly memory_mb: number; readonly gpu_units: number; readonly storage_gb: number };
  readonly replicas: readonly ReplicaView[];
  readonly routes: readonly RouteView[];
  readonly changes: readonly {
    old_status: DeploymentStatus | typeof NO_STATUS;
    new_status: DeploymentStatus;
    changed_at: IsoTime;
    reason: string;
  }[];
  readonly work: { attempts: number; last_error: string | null; stuck_since: IsoTime | null; next_attempt_at: IsoTime } | null;
}

type Replica = readonly [
  id: string,
  nodeId: string,
  nodeName: string,
  runtime: ReplicaView['runtime'],
  online: boolean,
  observedAt: JsonTime | null,
  status: ReplicaView['status'],
  containerId: string | null,
  startedAt: JsonTime | null,
  stoppedAt: JsonTime | null,
  reason: string | null,
  attempt: number,
  published: ReplicaView['published'],
  counts: boolean,
  pausedAt: JsonTime | null,
  completed: boolean,
  revision: number,
  healthy: boolean | null,
  checkReason: string | null,
  namespace: string | null,
  address: string | null,
  endpoint: string | null,
];

type Route = readonly [host: string, pathPrefix: string, port: number, removed: boolean, backends: number];
type StatusChange = StatusView['changes'][number];
type Change = readonly [oldStatus: StatusChange['old_status'], newStatus: StatusChange['new_status'], at: JsonTime, reason: string];

/** Repeated parts come as JSON arrays and times as text: objects and dates would cost both sides more than all the rest. */
export interface StatusRow extends Pick<
  StatusView,
  'id' | 'name' | 'status' | 'targetReplicas' | 'revision' | 'resources' | 'projectId' | 'project'
> {
  /** The position of the id in the question, counted from 1. */
  readonly place: number;
  readonly times: readonly [createdAt: JsonTime, updatedAt: JsonTime, deletedAt: JsonTime | null, purgeAt: JsonTime | null];
  readonly guards: readonly [version: number, protectionReason: string | null, legalHold: boolean];
  readonly rollout: RolloutRow | null;
  readonly replicas: readonly Replica[] | null;
  readonly routes: readonly Route[] | null;
  readonly changes: readonly Change[] | null;
  readonly work: readonly [attempts: number, lastError: string | null, stuckSince: JsonTime | null, nextAttemptAt: JsonTime] | null;
}

/** A failed replica that still counts, because it has no successor, and one that ended well and needs none. */
const unreplaced = (r: string): string => `
  ((${r}.status = 'failed' OR ${r}.completed_at IS NOT NULL) AND ${r}.generation = d.generation AND ${r}.superseded_at IS NULL)`;

/**
 * Reads many deployments by id, each for one user. $1 ids, $2 users, $3 whether each is an administrator, $4 whether to include
 * deleted ones, $5 seconds of silence after which a node is offline, $6 how many replicas of the past each shows, $7
 * whether there are routers. Current ones come first: those that live, and those that have ended without a successor.
 */
export const STATUS = `
  SELECT asked.place::int AS place, d.id, d.name, d.status, d.target_replicas AS "targetReplicas",
         d.project_id AS "projectId", (SELECT p.name FROM projects AS p WHERE p.id = d.project_id) AS project,
         d.current_revision AS revision, ${newestRollout('$5', '$7')} AS rollout,
         json_build_array(d.created_at, d.updated_at, d.deleted_at, d.purge_at) AS times,
         json_build_array(d.version, d.protection_reason, d.legal_hold_reason IS NOT NULL) AS guards,
         (SELECT json_build_object('cpu_cores', cpu_cores::float8, 'memory_mb', memory_mb,
                                   'gpu_units', gpu_units, 'storage_gb', storage_gb)
            FROM deployment_resources WHERE deployment_id = d.id) AS resources,
         (SELECT json_agg(json_build_array(
                   r.id, r.node_id, n.name, n.runtime, ${isOnline('$5')}, greatest(n.last_heartbeat, r.changed_at), r.status,
                   r.container_id, r.started_at, r.stopped_at, r.reason, r.attempt, r.published,
                   r.generation = d.generation AND r.superseded_at IS NULL, r.paused_at,
                   r.completed_at IS NOT NULL, r.revision, c.healthy, c.reason,
                   CASE WHEN n.runtime = 'kubernetes'
                        THEN (SELECT k.namespace FROM node_clusters AS k WHERE k.node_id = n.id) END, n.address, n.endpoint)
                   ORDER BY r.finished, CASE WHEN NOT r.finished THEN r.created_at END, r.created_at DESC, r.id)
            FROM (SELECT x.*, false AS finished FROM deployment_replicas AS x
                   WHERE x.deployment_id = d.id AND (x.status NOT IN ('stopped', 'failed') OR ${unreplaced('x')})
                  UNION ALL
                  (SELECT x.*, true FROM deployment_replicas AS x
                    WHERE x.deployment_id = d.id AND x.status IN ('stopped', 'failed') AND NOT ${unreplaced('x')}
                    ORDER BY x.created_at DESC, x.id LIMIT asked.finished)) AS r
            JOIN nodes AS n ON n.id = r.node_id
            LEFT JOIN replica_checks AS c ON c.replica_id = r.id) AS replicas,
         ${routesOf('d')} AS routes,
         (SELECT json_agg(json_build_array(h.old_status, h.new_status, h.changed_at, h.reason) ORDER BY h.id DESC)
            FROM (SELECT * FROM deployment_status_history WHERE deployment_id = d.id ORDER BY id DESC LIMIT 10) AS h) AS changes,
         (SELECT json_build_array(j.attempts, j.last_error, j.failing_since, j.due_at)
            FROM jobs AS j WHERE j.kind = 'deployment.reconcile' AND j.key = d.id::text) AS work
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::boolean[], $6::int[]) WITH ORDINALITY
           AS asked(id, user_id, reach, include_deleted, finished, place)
    JOIN deployments AS d
      ON d.id = asked.id AND ${readable('d', 'asked.user_id', 'asked.reach')}
     AND (d.deleted_at IS NULL OR asked.include_deleted)`;

export function toStatusView({
  id,
  name,
  status,
  targetReplicas,
  revision,
  projectId,
  project,
  rollout,
  resources,
  times,
  guards,
  replicas,
  routes,
  changes,
  work,
}: StatusRow): StatusView {
  return {
    id,
    name,
    status,
    targetReplicas,
    revision,
    projectId,
    project,
    rollout: rollout && toRollout(rollout),
    resources,
    createdAt: isoTime(times[0]),
    updatedAt: isoTime(times[1]),
    deletedAt: isoTimeOrNull(times[2]),
    version: guards[0],
    protectionReason: guards[1],
    legalHold: guards[2],
    purgeAt: isoTimeOrNull(times[3]),
    replicas: (replicas ?? []).map(toReplica),
    routes: (routes ?? []).map(([host, pathPrefix, port, removed, backends]) => ({ host, pathPrefix, port, removed, backends })),
    changes: (changes ?? []).map(([oldStatus, newStatus, at, reason]) => ({
      old_status: oldStatus,
      new_status: newStatus,
      changed_at: isoTime(at),
      reason,
    })),
    work: work && { attempts: work[0], last_error: work[1], stuck_since: isoTimeOrNull(work[2]), next_attempt_at: isoTime(work[3]) },
  };
}

/** What was found out about a container that has ended says nothing any more, but that it ended because it was unhealthy. */
function healthOfReplica(status: ReplicaStatus, healthy: boolean | null): boolean | null {
  if (status === 'starting' || status === 'running') return healthy;
  return status === 'failed' && healthy === false ? false : null;
}

function toReplica(row: Replica): ReplicaView {
  const [
    id,
    nodeId,
    nodeName,
    runtime,
    online,
    observedAt,
    status,
    containerId,
    startedAt,
    stoppedAt,
    reason,
    attempt,
    published,
    counts,
    pausedAt,
    completed,
    revision,
    healthy,
    checkReason,
    namespace,
    address,
    endpoint,
  ] = row;
  return {
    id,
    nodeId,
    nodeName,
    runtime,
    nodePlace: { runtime, address, endpoint },
    online,
    observedAt: isoTimeOrNull(observedAt),
    status,
    containerId,
    startedAt: isoTimeOrNull(startedAt),
    stoppedAt: isoTimeOrNull(stoppedAt),
    reason,
    attempt,
    published,
    counts,
    pausedAt: isoTimeOrNull(pausedAt),
    completed,
    revision,
    healthy: healthOfReplica(status, healthy),
    checkReason,
    namespace,
  };
}
