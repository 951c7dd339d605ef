import { visibleTo } from '../../common/visibility';
import { isoTime, isoTimeOrNull, type JsonTime } from '../../database/json-time';
import type { RuntimeKind } from '../../engines/runtime-kinds';
import { isOnline } from '../../nodes/node-status.sql';
import type { DeploymentStatus, NO_STATUS } from '../domain/deployment-status';
import type { ReplicaStatus } from '../domain/replica-status';

/** ISO 8601, UTC, milliseconds. */
type IsoTime = string;

interface ReplicaView {
  readonly id: string;
  readonly nodeId: string;
  readonly nodeName: string;
  readonly runtime: RuntimeKind;
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
}

export interface StatusView {
  readonly id: string;
  readonly name: string;
  readonly status: DeploymentStatus;
  readonly targetReplicas: number;
  readonly createdAt: IsoTime;
  readonly updatedAt: IsoTime;
  readonly deletedAt: IsoTime | null;
  readonly version: number;
  readonly protectionReason: string | null;
  readonly legalHold: boolean;
  readonly purgeAt: IsoTime | null;
  readonly resources: { readonly cpu_cores: number; readonly memory_mb: number; readonly gpu_units: number; readonly storage_gb: number };
  readonly replicas: readonly ReplicaView[];
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
];

type StatusChange = StatusView['changes'][number];
type Change = readonly [oldStatus: StatusChange['old_status'], newStatus: StatusChange['new_status'], at: JsonTime, reason: string];

/** Repeated parts come as JSON arrays and times as text: objects and dates would cost both sides more than all the rest. */
export interface StatusRow extends Pick<StatusView, 'id' | 'name' | 'status' | 'targetReplicas' | 'resources'> {
  /** The position of the id in the question, counted from 1. */
  readonly place: number;
  readonly times: readonly [createdAt: JsonTime, updatedAt: JsonTime, deletedAt: JsonTime | null, purgeAt: JsonTime | null];
  readonly guards: readonly [version: number, protectionReason: string | null, legalHold: boolean];
  readonly replicas: readonly Replica[] | null;
  readonly changes: readonly Change[] | null;
  readonly work: readonly [attempts: number, lastError: string | null, stuckSince: JsonTime | null, nextAttemptAt: JsonTime] | null;
}

/**
 * Reads many deployments by id, each for one user. $1 ids, $2 users, $3 whether each is an administrator, $4 whether to include
 * deleted ones, $5 seconds of silence after which a node is offline.
 */
export const STATUS = `
  SELECT asked.place::int AS place, d.id, d.name, d.status, d.target_replicas AS "targetReplicas",
         json_build_array(d.created_at, d.updated_at, d.deleted_at, d.purge_at) AS times,
         json_build_array(d.version, d.protection_reason, d.legal_hold_reason IS NOT NULL) AS guards,
         (SELECT json_build_object('cpu_cores', cpu_cores::float8, 'memory_mb', memory_mb,
                                   'gpu_units', gpu_units, 'storage_gb', storage_gb)
            FROM deployment_resources WHERE deployment_id = d.id) AS resources,
         (SELECT json_agg(json_build_array(
                   r.id, r.node_id, n.name, n.runtime, ${isOnline('$5')}, greatest(n.last_heartbeat, r.changed_at), r.status,
                   r.container_id, r.started_at, r.stopped_at, r.reason, r.attempt, r.published,
                   r.generation = d.generation AND r.superseded_at IS NULL) ORDER BY r.created_at, r.id)
            FROM (SELECT * FROM deployment_replicas WHERE deployment_id = d.id AND status NOT IN ('stopped', 'failed')
                  UNION ALL
                  (SELECT * FROM deployment_replicas WHERE deployment_id = d.id AND status IN ('stopped', 'failed')
                    ORDER BY created_at DESC, id LIMIT 100)) AS r
            JOIN nodes AS n ON n.id = r.node_id) AS replicas,
         (SELECT json_agg(json_build_array(h.old_status, h.new_status, h.changed_at, h.reason) ORDER BY h.id DESC)
            FROM (SELECT * FROM deployment_status_history WHERE deployment_id = d.id ORDER BY id DESC LIMIT 10) AS h) AS changes,
         (SELECT json_build_array(j.attempts, j.last_error, j.failing_since, j.due_at)
            FROM jobs AS j WHERE j.kind = 'deployment.reconcile' AND j.key = d.id::text) AS work
    FROM unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::boolean[]) WITH ORDINALITY
           AS asked(id, user_id, is_admin, include_deleted, place)
    JOIN deployments AS d
      ON d.id = asked.id AND ${visibleTo('d', 'asked.user_id', 'asked.is_admin')}
     AND (d.deleted_at IS NULL OR asked.include_deleted)`;

export function toStatusView({
  id,
  name,
  status,
  targetReplicas,
  resources,
  times,
  guards,
  replicas,
  changes,
  work,
}: StatusRow): StatusView {
  return {
    id,
    name,
    status,
    targetReplicas,
    resources,
    createdAt: isoTime(times[0]),
    updatedAt: isoTime(times[1]),
    deletedAt: isoTimeOrNull(times[2]),
    version: guards[0],
    protectionReason: guards[1],
    legalHold: guards[2],
    purgeAt: isoTimeOrNull(times[3]),
    replicas: (replicas ?? []).map(toReplica),
    changes: (changes ?? []).map(([oldStatus, newStatus, at, reason]) => ({
      old_status: oldStatus,
      new_status: newStatus,
      changed_at: isoTime(at),
      reason,
    })),
    work: work && { attempts: work[0], last_error: work[1], stuck_since: isoTimeOrNull(work[2]), next_attempt_at: isoTime(work[3]) },
  };
}

function toReplica(row: Replica): ReplicaView {
  const [id, nodeId, nodeName, runtime, online, observedAt, status, containerId, startedAt, stoppedAt, reason, attempt, published, counts] =
    row;
  return {
    id,
    nodeId,
    nodeName,
    runtime,
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
  };
}
