export const NODE_STATUSES = ['idle', 'active', 'busy', 'offline', 'maintenance'] as const;
export type NodeStatus = (typeof NODE_STATUSES)[number];

const silentFor = (seconds: string): string => `n.last_heartbeat < statement_timestamp() - make_interval(secs => ${seconds})`;
const FULL = `n.reserved_cpu_cores >= n.cpu_cores OR n.reserved_memory_mb >= n.memory_mb`;

/**
 * An SQL expression over `nodes AS n` that gives the node's status now. Busy means fully reserved; usage only lowers the score,
 * since a moment of load must not make a deployment fail. `seconds` is the parameter with the allowed silence.
 */
export const nodeStatus = (seconds: string): string => `
  CASE WHEN n.last_heartbeat IS NULL OR ${silentFor(seconds)} THEN 'offline'
       WHEN n.cordoned THEN 'maintenance'
       WHEN ${FULL} THEN 'busy'
       WHEN n.reserved_cpu_cores > 0 THEN 'active'
       ELSE 'idle' END`;

export const isOnline = (seconds: string): string => `(n.last_heartbeat IS NOT NULL AND NOT ${silentFor(seconds)})`;

/**
 * An SQL expression over `nodes AS n`: the node was asked in vain for so long that its replicas are replaced elsewhere. That it was
 * asked counts too, as a clock that was set forward, or a worker that was away, says nothing about the node. `offline` and `lost`
 * are the parameters with the configured seconds.
 */
export const isLost = (offline: string, lost: string): string => `
  (coalesce(n.lost_after_seconds, ${lost}) > 0 AND n.last_error IS NOT NULL AND n.last_heartbeat IS NOT NULL
   AND ${silentFor(`greatest(coalesce(n.lost_after_seconds, ${lost}), ${offline})`)})`;

/**
 * Why a node takes no replicas now, in words; NULL when it takes them. A node that is busy because nothing is free counts as
 * available here: placement rejects it by its free capacity and can then say which dimension was short.
 */
export const unavailableWords = (seconds: string): string => `
  CASE WHEN n.last_heartbeat IS NULL THEN 'offline: has not answered yet'
       WHEN ${silentFor(seconds)}
         THEN 'offline: no answer for ' || floor(extract(epoch FROM statement_timestamp() - n.last_heartbeat)) || ' s'
       WHEN n.draining THEN 'in maintenance (draining)'
       WHEN n.cordoned THEN 'in maintenance (cordoned)' END`;

/**
 * The ids of those of these nodes that take replicas now; both parameters as `$n`. Takes no lock: a change that committed
 * before this statement began is seen, and a later one counts as later than the placement.
 */
export const takingNodes = (ids: string, seconds: string): string => `
  SELECT n.id FROM nodes AS n
   WHERE n.id = ANY(${ids}::uuid[]) AND n.removed_at IS NULL AND ${isOnline(seconds)} AND NOT n.cordoned AND NOT n.draining`;
