import { sqlId } from './ids.mjs';

export const FILL_NODES = 100;
export const HISTORY_ROWS = 5;

/** The spec of a revision, as the service stores it. `image` is an SQL expression. */
export const containerSpec = (image) => `
  jsonb_build_object('image', ${image}, 'command', NULL, 'env', '{"MODE": "production", "LEVEL": "info"}'::jsonb,
                     'resources', '{"cpuCores": 0.5, "memoryMb": 512, "gpuUnits": 0, "storageGb": 10}'::jsonb,
                     'ports', '[]'::jsonb, 'healthCheck', NULL)`;

const STATUS = `CASE WHEN k % 5 = 4 THEN 'deleted' WHEN k % 20 = 1 THEN 'failed' WHEN k % 20 = 2 THEN 'stopped' ELSE 'running' END`;

/** Deployment i with values that follow from i. Created a second apart, so that they are in the order of their numbers. */
const numbered = ({ size, users }) => `
  (SELECT i, k, ${sqlId('d', 'i')} AS id, ${sqlId('u', `(i - 1) % ${users} + 1`)} AS user_id, ${STATUS} AS status,
          timestamptz '2026-01-01Z' + i * interval '1 second' AS at
     FROM (SELECT i, (i - 1) / ${users} AS k FROM generate_series(1, ${size}) AS i) AS numbers) AS d`;

/** Groups of statements. Those of one group may run at the same time. Triggers and foreign keys are off meanwhile. */
export function fillStatements(layout, liveNodes) {
  const d = numbered(layout);
  const replica = (column) => `
    FROM ${d} CROSS JOIN generate_series(0, 2) AS r(r)
    CROSS JOIN LATERAL (SELECT md5('r' || d.i || '-' || r.r) AS hex, ${sqlId('m', `(d.i * 3 + r.r) % ${FILL_NODES} + 1`)} AS node_id) AS own ${column}`;
  return [
    `INSERT INTO users (id, username, email, password_hash)
     SELECT ${sqlId('u', 'u')}, 'user-' || u, 'user-' || u || '@example.org', 'none' FROM generate_series(1, ${layout.users}) AS u`,
    `INSERT INTO projects (id, name, personal_of, created_by)
     SELECT ${sqlId('u', 'u')}, 'user-' || u, ${sqlId('u', 'u')}, ${sqlId('u', 'u')} FROM generate_series(1, ${layout.users}) AS u`,
    `INSERT INTO project_members (project_id, user_id, role)
     SELECT ${sqlId('u', 'u')}, ${sqlId('u', 'u')}, 'maintainer' FROM generate_series(1, ${layout.users}) AS u`,
    // Nodes of the fill are cordoned and of a runtime without a driver, so that nothing watches or changes them.
    `INSERT INTO nodes (id, name, region, runtime, cpu_cores, memory_mb, gpu_units, storage_gb, cordoned, last_heartbeat)
     SELECT ${sqlId('m', 'm')}, 'fill-' || m, 'us-east', 'docker', 900000, 2000000000, 0, 2000000000, true, '2100-01-01Z'
       FROM generate_series(1, ${FILL_NODES}) AS m`,
    `INSERT INTO nodes (id, name, region, runtime, cpu_cores, memory_mb, gpu_units, storage_gb, last_heartbeat)
     SELECT ${sqlId('n', 'n')}, 'live-' || n, 'us-east', 'simulated', 900000, 2000000000, 0, 2000000000, '2100-01-01Z'
       FROM generate_series(1, ${liveNodes}) AS n`,
    `INSERT INTO deployments (id, user_id, project_id, name, type, target_replicas, region, labels, status, version,
                              created_at, updated_at, deleted_at, purge_at)
     SELECT id, user_id, user_id, (ARRAY['web','api','cache','worker','ingest','proxy','auth','queue','search','report'])[1 + k % 10] || '-' || i,
            'compute', 3, 'us-east', '{"team": "edge"}', status, 5, at, at + interval '5 minutes', CASE WHEN status = 'deleted' THEN at + interval '5 minutes' END,
            CASE WHEN status = 'deleted' THEN timestamptz '2100-01-01Z' END
       FROM ${d}`,
    `INSERT INTO deletions (deployment_id, generation, requested_by, grace_seconds, retention_policy, decided_at, completed_at)
     SELECT id, 1, user_id, 10, 'for the measurements', at + interval '5 minutes', at + interval '5 minutes' FROM ${d} WHERE status = 'deleted'`,
    `INSERT INTO deployment_revisions (deployment_id, number, spec, created_at, created_by)
     SELECT id, 1, ${containerSpec(`'registry.example.org/team/service:1.4.' || i % 50`)}, at, user_id FROM ${d}`,
    `INSERT INTO deployment_resources (deployment_id, cpu_cores, memory_mb, gpu_units, storage_gb) SELECT id, 0.5, 512, 0, 10 FROM ${d}`,
    `INSERT INTO deployment_replicas (id, deployment_id, node_id, generation, status, container_id, created_at, changed_at, started_at, stopped_at)
     SELECT own.hex::uuid, d.id, own.node_id, 1, CASE WHEN d.status = 'running' THEN 'running' ELSE 'stopped' END, own.hex || own.hex,
            d.at, d.at + interval '1 minute', d.at + interval '1 minute',
            CASE WHEN d.status <> 'running' THEN d.at + interval '5 minutes' END ${replica('')}`,
    `INSERT INTO reservations (replica_id, deployment_id, node_id, cpu_cores, memory_mb, gpu_units, storage_gb, reserved_at, released_at)
     SELECT own.hex::uuid, d.id, own.node_id, 0.5, 512, 0, 10, d.at,
            CASE WHEN d.status <> 'running' THEN d.at + interval '5 minutes' END ${replica('')}`,
    `INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason, changed_by, request_id, changed_at)
     SELECT d.id, (ARRAY['none','pending','scheduled','running','running'])[h], (ARRAY['pending','scheduled','running','running', d.status])[h],
            (ARRAY['Deployment created by user','Scheduled 2 replicas across nodes','All 2 replicas started successfully',
                   'Scaled up from 2 to 3 replicas (1 added)','Changed by user'])[h],
            CASE WHEN h IN (1, 4, 5) THEN d.user_id END, md5(d.i::text), d.at + h * interval '1 minute'
       FROM ${d} CROSS JOIN generate_series(1, ${HISTORY_ROWS}) AS h ORDER BY d.i, h`,
  ];
}

export const COUNT_RESERVATIONS = `
  UPDATE nodes AS n SET reserved_cpu_cores = v.cpu, reserved_memory_mb = v.memory, reserved_gpu_units = v.gpu, reserved_storage_gb = v.storage
    FROM (SELECT node_id, sum(cpu_cores) AS cpu, sum(memory_mb) AS memory, sum(gpu_units) AS gpu, sum(storage_gb) AS storage
            FROM reservations WHERE released_at IS NULL GROUP BY node_id) AS v
   WHERE n.id = v.node_id`;
