import { containerSpec } from './fill.sql.mjs';
import { sqlId } from './ids.mjs';

const EXPLANATION = `'{"strategy": "spread", "requested": 1, "placed": 1, "nodesTotal": 50, "candidates": [], "rejected": [], "shortages": []}'`;

/** The same rows as a bulk deploy of the product, in one statement: with places, reservations, operation and its items. */
export const bulkDeployFunction = (nodes) => `
  CREATE OR REPLACE FUNCTION bench.deploy_many(owner uuid, size int) RETURNS bigint LANGUAGE sql AS $$
  WITH asked AS MATERIALIZED (
    SELECT gen_random_uuid() AS id, gen_random_uuid() AS placement, gen_random_uuid() AS replica, n AS place,
           ${sqlId('n', `n % ${nodes} + 1`)} AS node FROM generate_series(1, size) AS n),
  created AS (
    INSERT INTO deployments (id, user_id, name, type, target_replicas, region, placement_strategy, labels, status, version)
    SELECT id, owner, 'base-' || id, 'compute', 1, 'us-east', 'spread', '{"team": "edge"}', 'scheduled', 2 FROM asked),
  revisions AS (
    INSERT INTO deployment_revisions (deployment_id, number, spec, created_by)
    SELECT id, 1, ${containerSpec(`'registry.example.org/team/service:1.4.2'`)}, owner FROM asked),
  resources AS (
    INSERT INTO deployment_resources (deployment_id, cpu_cores, memory_mb, gpu_units, storage_gb) SELECT id, 0.5, 512, 0, 10 FROM asked),
  history AS (
    INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason, changed_by, request_id)
    SELECT id, (ARRAY['none','pending'])[step], (ARRAY['pending','scheduled'])[step], 'Deployment created by user', owner, 'bench'
      FROM asked CROSS JOIN generate_series(1, 2) AS step ORDER BY place, step),
  placed AS (
    INSERT INTO placements (id, deployment_id, cause, explanation) SELECT placement, id, 'deploy', ${EXPLANATION}::jsonb FROM asked),
  added AS (
    INSERT INTO deployment_replicas (id, deployment_id, generation, placement_id, node_id) SELECT replica, id, 1, placement, node FROM asked),
  reserved AS (
    INSERT INTO reservations (replica_id, deployment_id, node_id, cpu_cores, memory_mb, gpu_units, storage_gb)
    SELECT replica, id, node, 0.5, 512, 0, 10 FROM asked),
  audit AS (
    INSERT INTO audit_log (actor_id, via, credential_id, address, request_id, action, resource_type, resource_id, outcome, after)
    SELECT owner, 'session', owner, '127.0.0.1', 'bench', 'deployment.deploy', 'deployment', id, 'done', '{"replicas": 1}' FROM asked
    RETURNING id),
  waiting AS (INSERT INTO audit_pending (audit_id) SELECT id FROM audit),
  operation AS (
    INSERT INTO operations (kind, user_id, options, origin, item_count, status, finished_at)
    VALUES ('bulk_deploy', owner, '{}', '{}', size, 'completed', clock_timestamp()) RETURNING id),
  items AS (
    INSERT INTO operation_items (operation_id, position, deployment_id, state, decided_at)
    SELECT operation.id, asked.place, asked.id, 'created', clock_timestamp() FROM operation, asked),
  job AS (INSERT INTO jobs (kind, key) SELECT 'deployment.reconcile', id::text FROM asked ORDER BY id RETURNING kind)
  SELECT count(*) FROM job, pg_notify('fog_jobs', 'deployment.reconcile') $$;`;

export const BULK_DEPLOY_SCRIPT = `\\set u random(1, :driven)
SELECT bench.deploy_many(${sqlId('u', ':u')}, :size);
`;
