/** A stored time by which something waits for the present, or counts as alive, and how far ahead of now it may lie. */
interface TimeAhead {
  readonly table: string;
  /** The primary key, in whose order the rows are locked. */
  readonly key: string;
  readonly column: string;
  /** 0 for what has been seen or done. */
  readonly seconds: number;
}

/**
 * The times, besides those of jobs, nodes, deliveries and deployments, that keep something waiting when the clock of the database
 * has been set back: processes and links that died would count as alive, and what was locked or asked for once would stay so.
 * Other times are only shown, or then last longer by the step, which loses nothing. A test asks of each new column which it is.
 */
export const TIMES_AHEAD: readonly TimeAhead[] = [
  { table: 'agent_calls', key: 'id', column: 'touched_at', seconds: 0 },
  { table: 'agent_links', key: 'node_id', column: 'last_heard', seconds: 0 },
  { table: 'idempotency_keys', key: 'scope, key', column: 'lease_until', seconds: 20 },
  { table: 'login_failures', key: 'name_hash', column: 'locked_until', seconds: 3_600 },
  { table: 'orphans', key: 'id', column: 'last_seen_at', seconds: 0 },
  { table: 'password_links', key: 'user_id, by_mail', column: 'mailed_at', seconds: 0 },
  { table: 'replica_checks', key: 'replica_id', column: 'seen_at', seconds: 0 },
  { table: 'routers', key: 'id', column: 'seen_at', seconds: 0 },
  { table: 'subscriptions', key: 'id', column: 'last_test_at', seconds: 0 },
  { table: 'subscriptions', key: 'id', column: 'retry_at', seconds: 0 },
];

/** Brings what lies further ahead than it can back to where it may be. */
export function bringBack({ table, key, column, seconds }: TimeAhead): string {
  const limit = `clock_timestamp() + interval '${String(seconds)} seconds'`;
  return `
    UPDATE ${table} SET ${column} = ${limit}
     WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE ${column} > ${limit} ORDER BY ${key} FOR UPDATE)`;
}

/** Locks up to $1 deployments whose times keep them waiting for the past, as whatever writes under a deployment does. */
export const LOCK_DEPLOYMENTS_AHEAD = `
  SELECT d.id FROM deployments AS d
   WHERE d.id IN (SELECT r.deployment_id FROM deployment_replicas AS r
                   WHERE r.status IN ('pending', 'starting', 'running', 'stopping')
                     AND (greatest(r.changed_at, r.running_at, r.started_at) > clock_timestamp()
                          OR r.warm_until > clock_timestamp() + interval '1 day')
                   UNION
                  SELECT o.deployment_id FROM deployment_rollouts AS o
                   WHERE o.finished_at IS NULL AND o.started_at > clock_timestamp())
   ORDER BY d.id LIMIT $1 FOR UPDATE`;

/** What never was stays so: `least` of a NULL and a time is the time. */
const earlier = (column: string, time: string): string => `CASE WHEN ${column} IS NOT NULL THEN least(${column}, ${time}) END`;

/** $1 deployments. What runs counts from now on, and what is kept warm is kept for a day at most, as ever. */
export const BRING_BACK_REPLICAS = `
  UPDATE deployment_replicas
     SET changed_at = least(changed_at, clock_timestamp()), running_at = ${earlier('running_at', 'clock_timestamp()')},
         started_at = ${earlier('started_at', 'clock_timestamp()')},
         warm_until = ${earlier('warm_until', "clock_timestamp() + interval '1 day'")}
   WHERE id IN (SELECT id FROM deployment_replicas
                 WHERE deployment_id = ANY($1::uuid[]) AND status IN ('pending', 'starting', 'running', 'stopping')
                 ORDER BY id FOR UPDATE)`;

/** $1 deployments. An open rollout has begun now, and has its whole time. */
export const BRING_BACK_ROLLOUTS = `
  UPDATE deployment_rollouts
     SET started_at = clock_timestamp(), deadline_at = clock_timestamp() + (deadline_at - started_at)
   WHERE deployment_id = ANY($1::uuid[]) AND finished_at IS NULL AND started_at > clock_timestamp()`;
