import { containerSpec } from './fill.sql.mjs';
import { sqlId } from './ids.mjs';

/**
 * Makes running deployments on the nodes that take replicas, with their workloads on the simulated engine, to measure
 * scale and delete. One transaction, so that the service never sees a part of it.
 */
export async function makeLive(client, { first, count, replicas, layout, nodes }) {
  const d = `(SELECT i, ${sqlId('l', 'i')} AS id, ${sqlId('u', `i % ${layout.driven} + 1`)} AS user_id, now() - interval '1 hour' AS at
                FROM generate_series(${first}, ${first + count - 1}) AS i) AS d`;
  const each = `FROM ${d} CROSS JOIN generate_series(1, ${replicas}) AS r(r)
                CROSS JOIN LATERAL (SELECT md5('lr' || d.i || '-' || r.r) AS hex, ${sqlId('n', `(d.i * ${replicas} + r.r) % ${nodes} + 1`)} AS node_id) AS own`;
  const statements = [
    `SET LOCAL session_replication_role = replica`,
    `INSERT INTO deployments (id, user_id, project_id, name, type, target_replicas, region, status, version, created_at, updated_at)
     SELECT id, user_id, user_id, 'live-' || i, 'compute', ${replicas}, 'us-east', 'running', 3, at, at FROM ${d}`,
    `INSERT INTO deployment_revisions (deployment_id, number, spec, created_by)
     SELECT id, 1, ${containerSpec(`'registry.example.org/team/service:2'`)}, user_id FROM ${d}`,
    `INSERT INTO deployment_resources (deployment_id, cpu_cores, memory_mb, gpu_units, storage_gb) SELECT id, 0.5, 512, 0, 10 FROM ${d}`,
    `INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason, changed_by, changed_at)
     SELECT d.id, (ARRAY['none','pending','scheduled'])[h], (ARRAY['pending','scheduled','running'])[h], 'Made for a measurement',
            d.user_id, d.at FROM ${d} CROSS JOIN generate_series(1, 3) AS h ORDER BY d.i, h`,
    `INSERT INTO deployment_replicas (id, deployment_id, node_id, generation, status, container_id, created_at, changed_at, started_at)
     SELECT own.hex::uuid, d.id, own.node_id, 1, 'running', own.hex || own.hex, d.at, d.at, d.at ${each}`,
    `INSERT INTO reservations (replica_id, deployment_id, node_id, cpu_cores, memory_mb, gpu_units, storage_gb)
     SELECT own.hex::uuid, d.id, own.node_id, 0.5, 512, 0, 10 ${each}`,
    `INSERT INTO simulated_workloads (node_id, replica_id, deployment_id, container_id, generation, image, ports, host_port, log,
                                      unhealthy, ignores_sigterm, removal_ms, started_at, ready_at)
     SELECT own.node_id, own.hex::uuid, d.id, own.hex || own.hex, 1, 'registry.example.org/team/service:2', '[]', 20000, '',
            false, false, 0, d.at, d.at ${each}`,
    `UPDATE nodes AS n SET reserved_cpu_cores = reserved_cpu_cores + v.count * 0.5, reserved_memory_mb = reserved_memory_mb + v.count * 512,
            reserved_storage_gb = reserved_storage_gb + v.count * 10
       FROM (SELECT own.node_id, count(*) AS count ${each} GROUP BY own.node_id) AS v WHERE n.id = v.node_id`,
  ];
  await client.query('BEGIN');
  for (const statement of statements) await client.query(statement);
  await client.query('COMMIT');
}

/** Gives those deployments two routes, of which their replicas are the backends, and a rollout that is open. */
export async function makeRouted(client, { first, count }) {
  const d = `(SELECT i, ${sqlId('l', 'i')} AS id FROM generate_series(${first}, ${first + count - 1}) AS i) AS d`;
  const statements = [
    `SET LOCAL session_replication_role = replica`,
    `INSERT INTO deployment_routes (deployment_id, host, path_prefix, port, position, named)
     SELECT id, 'live-' || i || '.example.org', (ARRAY['/', '/v2'])[n], 8080, n - 1, true FROM ${d} CROSS JOIN generate_series(1, 2) AS n`,
    `INSERT INTO route_tables (deployment_id, version, backends, leaving, changed_in)
     SELECT d.id, 1, (SELECT jsonb_agg(jsonb_build_object('replicaId', r.id, 'ports', '{"8080": "simulated"}'::jsonb))
                        FROM deployment_replicas AS r WHERE r.deployment_id = d.id), '[]', 1 FROM ${d}`,
    `INSERT INTO deployment_revisions (deployment_id, number, spec, created_by, reason)
     SELECT v.deployment_id, 2, v.spec, v.created_by, 'image' FROM ${d} JOIN deployment_revisions AS v ON v.deployment_id = d.id`,
    `INSERT INTO deployment_rollouts (deployment_id, number, revision, from_revision, deadline_at)
     SELECT id, 1, 2, 1, '2100-01-01Z' FROM ${d}`,
    `UPDATE deployments AS x SET open_rollout = 1 FROM ${d} WHERE x.id = d.id`,
  ];
  await client.query('BEGIN');
  for (const statement of statements) await client.query(statement);
  await client.query('COMMIT');
}
