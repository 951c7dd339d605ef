import { containerSpec } from './fill.sql.mjs';
import { sqlId } from './ids.mjs';

/** The work of the requests that write, each as one statement or function, for pgbench. */
export const baselineFunctions = (nodes) => `
  CREATE SCHEMA IF NOT EXISTS bench;
  CREATE OR REPLACE FUNCTION bench.enqueue(wanted uuid) RETURNS void LANGUAGE sql AS $$
    INSERT INTO jobs (kind, key) VALUES ('deployment.reconcile', wanted::text)
        ON CONFLICT (kind, key) DO UPDATE SET wishes = jobs.wishes + 1, due_at = least(jobs.due_at, excluded.due_at);
    SELECT pg_notify('fog_jobs', 'deployment.reconcile');
  $$;
  CREATE OR REPLACE FUNCTION bench.audit(done text, wanted uuid, owner uuid, was jsonb, becomes jsonb) RETURNS void LANGUAGE sql AS $$
    WITH recorded AS (
      INSERT INTO audit_log (actor_id, via, credential_id, address, request_id, action, resource_type, resource_id, outcome, before, after)
      VALUES (owner, 'session', owner, '127.0.0.1', 'bench', done, 'deployment', wanted, 'done', was, becomes) RETURNING id)
    INSERT INTO audit_pending (audit_id) SELECT id FROM recorded;
  $$;
  CREATE OR REPLACE FUNCTION bench.scale(wanted uuid, owner uuid) RETURNS int LANGUAGE plpgsql AS $$
  DECLARE d record; live int; goal int; placed uuid; added uuid; ended uuid[];
  BEGIN
    SELECT x.id, x.status, r.cpu_cores, r.memory_mb, r.gpu_units, r.storage_gb INTO STRICT d
      FROM deployments x JOIN deployment_resources r ON r.deployment_id = x.id
     WHERE x.id = wanted AND x.user_id = owner AND x.deleted_at IS NULL FOR UPDATE OF x;
    SELECT count(*) INTO live FROM deployment_replicas WHERE deployment_id = wanted AND status IN ('pending','starting','running');
    goal := CASE WHEN live > 3 THEN 3 ELSE 4 END;
    IF goal > live THEN
      INSERT INTO placements (deployment_id, cause, explanation) VALUES (wanted, 'scale', '{"strategy": "spread", "placed": 1}')
        RETURNING id INTO placed;
      INSERT INTO deployment_replicas (deployment_id, generation, placement_id, node_id)
        VALUES (wanted, 1, placed, ${sqlId('n', `1 + floor(random() * ${nodes})::int`)}) RETURNING id INTO added;
      INSERT INTO reservations (replica_id, deployment_id, node_id, cpu_cores, memory_mb, gpu_units, storage_gb)
        SELECT id, deployment_id, node_id, d.cpu_cores, d.memory_mb, d.gpu_units, d.storage_gb FROM deployment_replicas WHERE id = added;
    ELSE
      WITH ending AS (SELECT id, status FROM deployment_replicas WHERE deployment_id = wanted AND status IN ('pending','starting','running')
                       ORDER BY created_at, id LIMIT live - goal),
           stopped AS (UPDATE deployment_replicas r
              SET status = CASE e.status WHEN 'pending' THEN 'stopped' ELSE 'stopping' END, changed_at = clock_timestamp(),
                  stopped_at = CASE e.status WHEN 'pending' THEN clock_timestamp() END, reason = 'Scaled down'
             FROM ending e WHERE r.id = e.id RETURNING r.id, r.status)
      SELECT array_agg(id) INTO ended FROM stopped WHERE status = 'stopped';
      IF ended IS NOT NULL THEN
        UPDATE reservations SET released_at = clock_timestamp() WHERE replica_id = ANY(ended) AND released_at IS NULL;
      END IF;
    END IF;
    UPDATE deployments SET target_replicas = goal, version = version + 1, updated_at = clock_timestamp() WHERE id = wanted;
    INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason, changed_by, request_id)
      VALUES (wanted, d.status, d.status, 'Scaled to ' || goal || ' replicas', owner, 'bench');
    PERFORM bench.audit('deployment.scale', wanted, owner, jsonb_build_object('replicas', live), jsonb_build_object('replicas', goal));
    PERFORM bench.enqueue(wanted);
    PERFORM pg_notify('fog_deployment', wanted::text);
    RETURN goal;
  END $$;
  CREATE OR REPLACE FUNCTION bench.patch(wanted uuid, owner uuid) RETURNS int LANGUAGE plpgsql AS $$
  DECLARE d record; newest int; rolled int;
  BEGIN
    SELECT id, status, current_revision INTO STRICT d FROM deployments
     WHERE id = wanted AND user_id = owner AND deleted_at IS NULL FOR UPDATE;
    SELECT max(number) INTO newest FROM deployment_revisions WHERE deployment_id = wanted;
    INSERT INTO deployment_revisions (deployment_id, number, spec, reason, created_by)
      SELECT wanted, newest + 1, jsonb_set(spec, '{image}', to_jsonb('registry.example.org/team/service:p' || newest)), 'image', owner
        FROM deployment_revisions WHERE deployment_id = wanted AND number = d.current_revision;
    UPDATE deployment_rollouts SET state = 'superseded', finished_at = clock_timestamp(), reason = 'Another took its place'
     WHERE deployment_id = wanted AND finished_at IS NULL;
    SELECT coalesce(max(number), 0) + 1 INTO rolled FROM deployment_rollouts WHERE deployment_id = wanted;
    INSERT INTO deployment_rollouts (deployment_id, number, revision, from_revision, started_by, deadline_at)
      VALUES (wanted, rolled, newest + 1, d.current_revision, owner, clock_timestamp() + interval '600 seconds');
    UPDATE deployments SET open_rollout = rolled, version = version + 1, updated_at = clock_timestamp(), stored_bytes = stored_bytes + 300
     WHERE id = wanted;
    IF newest >= 20 THEN
      UPDATE deployment_revisions SET spec = '{}' WHERE deployment_id = wanted AND number <= newest - 20 AND number <> d.current_revision AND spec <> '{}';
    END IF;
    INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason, event, changed_by, request_id)
      VALUES (wanted, d.status, d.status, 'Revision ' || newest + 1 || ': image', 'rollout_started', owner, 'bench');
    PERFORM bench.audit('deployment.change', wanted, owner, jsonb_build_object('revision', newest), jsonb_build_object('revision', newest + 1));
    PERFORM bench.enqueue(wanted);
    PERFORM pg_notify('fog_deployment', wanted::text);
    RETURN newest + 1;
  END $$;
  CREATE OR REPLACE FUNCTION bench.delete(wanted uuid, owner uuid) RETURNS int LANGUAGE plpgsql AS $$
  DECLARE before text; ended int; at timestamptz := clock_timestamp();
  BEGIN
    SELECT status INTO STRICT before FROM deployments
     WHERE id = wanted AND user_id = owner AND deleted_at IS NULL FOR UPDATE;
    UPDATE deployment_replicas SET status = 'stopping', changed_at = clock_timestamp(), reason = 'Deployment deleted'
     WHERE deployment_id = wanted AND status IN ('starting','running');
    GET DIAGNOSTICS ended = ROW_COUNT;
    UPDATE deployments SET status = 'deleted', deleted_at = at, updated_at = at, purge_at = at + interval '30 days', version = version + 1
     WHERE id = wanted;
    INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason, changed_by, request_id)
      VALUES (wanted, before, 'deleted', 'User deletion: stopped ' || ended || ' replicas, released resources', owner, 'bench');
    INSERT INTO deletions (deployment_id, generation, requested_by, request_id, grace_seconds, retention_policy, decided_at)
      VALUES (wanted, 1, owner, 'bench', 10, '30 days, the default', at);
    PERFORM bench.audit('deployment.delete', wanted, owner, jsonb_build_object('status', before), '{"status": "deleted", "force": false}');
    PERFORM bench.enqueue(wanted);
    PERFORM pg_notify('fog_deployment', wanted::text);
    RETURN ended;
  END $$;`;

/** One statement: deployment, revision, resources, history, audit, job and the worker's wake-up. */
export const DEPLOY_SCRIPT = `\\set u random(1, :driven)
WITH created AS (
  INSERT INTO deployments (user_id, name, type, target_replicas, region, placement_strategy, labels)
  VALUES (md5('u' || (:u)::text)::uuid, 'base-' || gen_random_uuid(), 'compute', 3, 'us-east', 'spread', '{"team": "edge"}')
  RETURNING id, user_id, current_revision, status),
revision AS (
  INSERT INTO deployment_revisions (deployment_id, number, spec, created_by)
  SELECT id, current_revision, ${containerSpec(`'registry.example.org/team/service:1.4.2'`)}, user_id FROM created),
resources AS (
  INSERT INTO deployment_resources (deployment_id, cpu_cores, memory_mb, gpu_units, storage_gb) SELECT id, 0.5, 512, 0, 10 FROM created),
history AS (
  INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason, changed_by, request_id)
  SELECT id, 'none', status, 'Deployment created by user', user_id, 'bench' FROM created),
audit AS (
  INSERT INTO audit_log (actor_id, via, credential_id, address, request_id, action, resource_type, resource_id, outcome, after)
  SELECT user_id, 'session', user_id, '127.0.0.1', 'bench', 'deployment.deploy', 'deployment', id, 'done', '{"replicas": 3}' FROM created
  RETURNING id),
waiting AS (INSERT INTO audit_pending (audit_id) SELECT id FROM audit),
job AS (INSERT INTO jobs (kind, key) SELECT 'deployment.reconcile', id::text FROM created RETURNING kind)
SELECT created.id, pg_notify('fog_jobs', job.kind) FROM created, job;
`;

export const SCALE_SCRIPT = `\\set i random(:first, :last)
\\set u :i % :driven + 1
SELECT bench.scale(md5('l' || (:i)::text)::uuid, md5('u' || (:u)::text)::uuid);
`;

export const PATCH_SCRIPT = `\\set i random(:first, :last)
\\set u :i % :driven + 1
SELECT bench.patch(md5('l' || (:i)::text)::uuid, md5('u' || (:u)::text)::uuid);
`;

/** Each client uses numbers of its own, so that nothing is deleted twice. */
export const DELETE_SCRIPT = `\\set i :first + :client_id * :per + :n
\\set n :n + 1
\\set u :i % :driven + 1
SELECT bench.delete(md5('l' || (:i)::text)::uuid, md5('u' || (:u)::text)::uuid);
`;
