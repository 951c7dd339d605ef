/** A workload exists until `gone_at` has passed. Only the clock of the database decides its phase. */
export const PRESENT = `(gone_at IS NULL OR gone_at > statement_timestamp())`;
/** Its run is over. */
export const ENDED = `(exits_at IS NOT NULL AND exits_at <= statement_timestamp())`;
const COLUMNS = `
  replica_id AS "replicaId", deployment_id AS "deploymentId", container_id AS "containerId",
  CASE WHEN ${ENDED} THEN 'exited'
       WHEN ready_at > statement_timestamp() THEN 'starting'
       WHEN unhealthy THEN 'unhealthy'
       ELSE 'running' END AS phase,
  started_at AS "startedAt",
  CASE WHEN ${ENDED} THEN exit_code END AS "exitCode",
  CASE WHEN ${ENDED} THEN exit_reason
       WHEN unhealthy AND ready_at <= statement_timestamp() THEN 'Health check fails' END AS reason,
  ports, host_port AS "hostPort", image, generation, spec_digest AS "specDigest"`;

/** The workloads of $1 nodes and $2 replicas, each with the number of its question. */
export const FIND = `
  SELECT asked.index::int, ${COLUMNS}
    FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS asked(node, replica, index)
    JOIN simulated_workloads ON node_id = asked.node AND replica_id = asked.replica
   WHERE ${PRESENT}`;

/** What the workloads of $1 nodes and $2 replicas have written, each with the number of its question. */
export const OUTPUT = `
  SELECT asked.index::int, log AS text, log_every_ms AS "everyMs", started_at AS "startedAt",
         least(statement_timestamp(), exits_at) AS until, ${ENDED} AS ended
    FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS asked(node, replica, index)
    JOIN simulated_workloads ON node_id = asked.node AND replica_id = asked.replica
   WHERE ${PRESENT}`;

const SHOWN = [
  ...['replicaId', 'deploymentId', 'containerId', 'phase', 'startedAt', 'exitCode', 'reason', 'ports', 'hostPort'],
  ...['image', 'generation', 'specDigest'],
]
  .map((name) => `shown."${name}"`)
  .join(', ');

/**
 * $1 nodes, $2 deployments or nulls. With a deployment it uses the deployment's index, otherwise the node's: one condition
 * with OR could use neither.
 */
export const LIST = `
  WITH asked AS (
    SELECT a.node, a.deployment, a.index::int, f.node_id IS NOT NULL AS away
      FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS a(node, deployment, index)
      LEFT JOIN simulated_node_faults AS f ON f.node_id = a.node),
  listed AS (
    SELECT asked.index, w.*
      FROM asked JOIN simulated_workloads AS w ON w.deployment_id = asked.deployment AND w.node_id = asked.node
     UNION ALL
    SELECT asked.index, w.* FROM asked JOIN simulated_workloads AS w ON w.node_id = asked.node WHERE asked.deployment IS NULL)
  SELECT asked.index, asked.away, ${SHOWN}
    FROM asked LEFT JOIN (SELECT index AS place, ${COLUMNS} FROM listed WHERE ${PRESENT}) AS shown
           ON shown.place = asked.index AND NOT asked.away
   WHERE asked.away OR shown.place IS NOT NULL
   ORDER BY asked.index, shown."startedAt", shown."replicaId"`;

/** $1 nodes, $2 replicas, $3 grace seconds. */
export const REMOVE = `
  UPDATE simulated_workloads AS w
     SET gone_at = CASE WHEN ${ENDED} THEN coalesce(gone_at, clock_timestamp()) ELSE
           least(gone_at, exits_at, clock_timestamp() + interval '1 millisecond' *
                                    CASE WHEN ignores_sigterm THEN asked.grace * 1000 ELSE removal_ms END) END
    FROM unnest($1::uuid[], $2::uuid[], $3::float8[]) WITH ORDINALITY AS asked(node, replica, grace, index)
   WHERE w.node_id = asked.node AND w.replica_id = asked.replica AND ${PRESENT}
  RETURNING asked.index::int, ceil(extract(epoch FROM gone_at - clock_timestamp()) * 1000)::float8 AS "leftMs"`;

/** $1 workloads. One that is removed already makes room for the new one. */
export const INSERT = `
  INSERT INTO simulated_workloads AS w (node_id, replica_id, deployment_id, container_id, generation, image, spec_digest, ports,
         host_port, log, log_every_ms, unhealthy, ignores_sigterm, removal_ms,
         started_at, ready_at, exits_at, exit_code, exit_reason)
  SELECT n."nodeId", n."replicaId", n."deploymentId", n."containerId", n.generation, n.image, n."specDigest", n.ports,
         n."hostPort", n.log, n."logEveryMs", n.unhealthy, n."ignoresSigterm", n."removalMs", t.now,
         t.now + n."readyAfterMs" * interval '1 millisecond', t.now + n."exitAfterMs" * interval '1 millisecond',
         n."exitCode", n."exitReason"
    FROM (SELECT clock_timestamp() AS now) AS t,
         jsonb_to_recordset($1::jsonb) AS n("nodeId" uuid, "replicaId" uuid, "deploymentId" uuid, "containerId" text,
           generation int, image text, "specDigest" text, ports jsonb, "hostPort" int, log text, "logEveryMs" int,
           unhealthy boolean, "ignoresSigterm" boolean, "removalMs" int, "readyAfterMs" float8, "exitAfterMs" float8,
           "exitCode" int, "exitReason" text)
   WHERE NOT EXISTS (SELECT 1 FROM simulated_node_faults AS f WHERE f.node_id = n."nodeId")
  ON CONFLICT (node_id, replica_id) DO UPDATE
     SET deployment_id = EXCLUDED.deployment_id, container_id = EXCLUDED.container_id, generation = EXCLUDED.generation,
         image = EXCLUDED.image, spec_digest = EXCLUDED.spec_digest, ports = EXCLUDED.ports,
         host_port = EXCLUDED.host_port, log = EXCLUDED.log, log_every_ms = EXCLUDED.log_every_ms,
         unhealthy = EXCLUDED.unhealthy, ignores_sigterm = EXCLUDED.ignores_sigterm, removal_ms = EXCLUDED.removal_ms,
         started_at = EXCLUDED.started_at, ready_at = EXCLUDED.ready_at, exits_at = EXCLUDED.exits_at,
         exit_code = EXCLUDED.exit_code, exit_reason = EXCLUDED.exit_reason, gone_at = NULL
   WHERE w.gone_at <= clock_timestamp()
  RETURNING replica_id AS "replicaId"`;
