/** The next version of the orders of node $1. Its row is locked until the statement ends, and before any order. */
const NEXT = `
  WITH node AS (
    UPDATE agent_links SET orders_version = orders_version + 1 WHERE node_id = $1
    RETURNING orders_version AS version, workloads)`;

/** $1 node, $2 replica, $3 deployment, $4 sealed spec, $5 its fingerprint, $6 the run to resume, $7 OCI runtime. */
export const RUN = `${NEXT}
  INSERT INTO agent_orders AS o (node_id, replica_id, deployment_id, version, will, spec, fingerprint, grace_seconds,
                                 resume_run_at, oci_runtime)
  SELECT $1, $2::uuid, $3::uuid, node.version, 'run', $4, $5, 10, $6::timestamptz, $7::text FROM node
      ON CONFLICT (node_id, replica_id) DO UPDATE
     SET deployment_id = excluded.deployment_id, version = excluded.version, will = 'run', spec = excluded.spec,
         fingerprint = excluded.fingerprint, grace_seconds = excluded.grace_seconds,
         resume_run_at = excluded.resume_run_at, oci_runtime = excluded.oci_runtime, acted = false, ended_at = NULL
   WHERE o.will <> 'run' OR o.fingerprint IS DISTINCT FROM excluded.fingerprint OR o.ended_at IS NOT NULL
  RETURNING o.version`;

/**
 * $1 node, $2 replica, $3 deployment, $4 will, $5 grace. What has ended is ordered anew only if the node shows it again. The spec stays
 * with a suspended workload, and goes with one that is to be absent.
 */
export const END = `${NEXT}
  INSERT INTO agent_orders AS o (node_id, replica_id, deployment_id, version, will, grace_seconds)
  SELECT $1, $2::uuid, $3::uuid, node.version, $4::text, $5::int FROM node
      ON CONFLICT (node_id, replica_id) DO UPDATE
     SET version = excluded.version, will = excluded.will, acted = false, ended_at = NULL,
         deployment_id = coalesce(o.deployment_id, excluded.deployment_id),
         spec = CASE WHEN excluded.will = 'suspend' THEN o.spec END, resume_run_at = NULL,
         fingerprint = CASE WHEN excluded.will = 'suspend' THEN o.fingerprint END,
         grace_seconds = CASE WHEN o.will = 'run' OR o.ended_at IS NOT NULL THEN excluded.grace_seconds
                              ELSE least(o.grace_seconds, excluded.grace_seconds) END
   WHERE o.will = 'run' OR (o.will = 'suspend' AND excluded.will = 'absent')
      OR (o.will = excluded.will AND o.ended_at IS NULL AND excluded.grace_seconds < o.grace_seconds)
      OR (o.ended_at IS NOT NULL AND (SELECT node.workloads ? $2::text FROM node))
  RETURNING o.version`;

/** $1 node, $2 a replica: how many others the node has orders for that are not over. */
export const OTHERS = `
  SELECT count(*)::int AS others FROM agent_orders WHERE node_id = $1 AND ended_at IS NULL AND replica_id <> $2`;

export const FORGET = `DELETE FROM agent_orders WHERE node_id = $1 AND ended_at < clock_timestamp() - interval '1 day'`;

/** $1 node, $2 replica, $3 the version that is taken back. */
export const WITHDRAW = `${NEXT}
  UPDATE agent_orders AS o
     SET version = node.version, acted = false, ended_at = NULL, resume_run_at = NULL,
         will = CASE WHEN node.workloads ? $2::text THEN 'suspend' ELSE 'absent' END,
         spec = CASE WHEN node.workloads ? $2::text THEN o.spec END, grace_seconds = 0
    FROM node
   WHERE o.node_id = $1 AND o.replica_id = $2::uuid AND o.version = $3 AND o.will = 'run'
     AND (NOT node.workloads ? $2::text
          OR (o.resume_run_at IS NOT NULL AND node.workloads->$2::text->>'phase' = 'exited'))
  RETURNING o.version`;
