import { isoTime, isoTimeOrNull, type JsonTime } from '../../database/json-time';
import { isOnline } from '../../nodes/node-status.sql';
import { DEFAULT_ROLLOUT_POLICY, type RolloutState } from '../domain/rollout';
import type { RolloutDto } from '../dto/rollout.dto';

/** A rollout as `newestRollout` reads it. */
export type RolloutRow = readonly [
  revision: number,
  fromRevision: number,
  state: RolloutState,
  targetReplicas: number,
  updated: number,
  healthy: number,
  old: number,
  reason: string | null,
  startedAt: JsonTime,
  deadlineAt: JsonTime,
  finishedAt: JsonTime | null,
];

/** SQL for whether the replica `r` is counted with the rollouts of the deployment `d`: it lives, or has done what it was made for. */
export const COUNTED_IN_ROLLOUTS = `
  (r.status IN ('pending', 'starting', 'running')
   OR r.completed_at IS NOT NULL AND r.generation = d.generation AND r.superseded_at IS NULL)`;

/**
 * An SQL expression for the newest rollout of the deployment `d` as a `RolloutRow`; NULL when there was none. Healthy are the replicas that
 * serve, as the rollout itself counts them: their checks have passed, and routers, if there are any, have an address at every port of a
 * route. `offlineAfter` is the parameter with the seconds of silence after which a node is offline, `hasRouters` the one that says whether
 * there are routers.
 */
export const newestRollout = (offlineAfter: string, hasRouters: string): string => `
  (SELECT json_build_array(o.revision, o.from_revision, o.state, d.target_replicas, c.updated, c.healthy, c.old, o.reason,
                           o.started_at, o.deadline_at, o.finished_at)
     FROM (SELECT * FROM deployment_rollouts WHERE deployment_id = d.id ORDER BY number DESC LIMIT 1) AS o
    CROSS JOIN LATERAL (
      SELECT CASE WHEN ${hasRouters}::boolean
                  THEN (SELECT array_agg(x.port::text) FROM deployment_routes AS x
                         WHERE x.deployment_id = d.id AND x.removed_at IS NULL) END AS ports) AS routed
    CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE r.rollout = o.number) AS updated,
             count(*) FILTER (WHERE r.rollout <> o.number) AS old,
             count(*) FILTER (WHERE r.rollout = o.number AND (r.completed_at IS NOT NULL
               OR r.status = 'running' AND r.paused_at IS NULL AND ${isOnline(offlineAfter)}
                  AND (k.replica_id IS NULL OR k.healthy)
                  AND (routed.ports IS NULL OR b.ports ?& routed.ports)
                  AND (o.finished_at IS NOT NULL OR coalesce(r.running_at, r.changed_at) + make_interval(secs => coalesce(
                         (d.rollout_policy->>'minHealthySeconds')::float8, ${DEFAULT_ROLLOUT_POLICY.minHealthySeconds}))
                         <= clock_timestamp()))) AS healthy
        FROM deployment_replicas AS r JOIN nodes AS n ON n.id = r.node_id
        LEFT JOIN replica_checks AS k ON k.replica_id = r.id
        LEFT JOIN (SELECT (e->>'replicaId')::uuid AS replica_id, e->'ports' AS ports
                     FROM route_tables AS t CROSS JOIN jsonb_array_elements(t.backends) AS e
                    WHERE routed.ports IS NOT NULL AND t.deployment_id = d.id) AS b ON b.replica_id = r.id
       WHERE r.deployment_id = d.id AND ${COUNTED_IN_ROLLOUTS}) AS c)`;

export function toRollout(row: RolloutRow): RolloutDto {
  const [revision, from, state, target, updated, healthy, old, reason, startedAt, deadlineAt, finishedAt] = row;
  return {
    revision,
    from_revision: from,
    state,
    target_replicas: target,
    updated_replicas: updated,
    healthy_replicas: healthy,
    old_replicas: old,
    reason,
    started_at: isoTime(startedAt),
    deadline_at: isoTime(deadlineAt),
    finished_at: isoTimeOrNull(finishedAt),
  };
}
