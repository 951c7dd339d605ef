import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Nodes, deployments and what they hold. The guards at the end turn the worst slips into errors instead of losses. */
export class CreateDeployments1795305601000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await this.createNodes(runner);
    await this.createDeployments(runner);
    await this.createReplicas(runner);
    await this.createHistory(runner);
    await this.createGuards(runner);
  }

  private async createNodes(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE installation (id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_installation PRIMARY KEY)`);
    await runner.query(`CREATE UNIQUE INDEX uq_installation_single ON installation ((true))`);
    await runner.query(`INSERT INTO installation DEFAULT VALUES`);
    await runner.query(`
      CREATE TABLE nodes (
        id                   uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_nodes PRIMARY KEY,
        name                 text NOT NULL,
        node_type            text NOT NULL DEFAULT 'compute_node',
        region               text NOT NULL,
        runtime              text NOT NULL,
        endpoint             text,
        engine_id            text,
        cpu_cores            numeric(9,3) NOT NULL,
        memory_mb            integer NOT NULL,
        gpu_units            integer NOT NULL DEFAULT 0,
        storage_gb           integer NOT NULL,
        fixed_capacity       text[] NOT NULL DEFAULT '{}',
        reserved_cpu_cores   numeric(9,3) NOT NULL DEFAULT 0,
        reserved_memory_mb   integer NOT NULL DEFAULT 0,
        reserved_gpu_units   integer NOT NULL DEFAULT 0,
        reserved_storage_gb  integer NOT NULL DEFAULT 0,
        cpu_usage_percent    real NOT NULL DEFAULT 0,
        memory_usage_percent real NOT NULL DEFAULT 0,
        labels               jsonb NOT NULL DEFAULT '{}',
        cordoned             boolean NOT NULL DEFAULT false,
        draining             boolean NOT NULL DEFAULT false,
        last_error           text,
        registered_at        timestamptz NOT NULL DEFAULT now(),
        last_heartbeat       timestamptz,
        removed_at           timestamptz,
        CONSTRAINT ck_nodes_type CHECK (node_type IN ('edge_device','relay_node','mixnode','compute_node','gateway')),
        CONSTRAINT ck_nodes_runtime CHECK (runtime IN ('docker','kubernetes','simulated')),
        CONSTRAINT ck_nodes_draining CHECK (cordoned OR NOT draining),
        CONSTRAINT ck_nodes_reserved_cpu CHECK (reserved_cpu_cores BETWEEN 0 AND cpu_cores),
        CONSTRAINT ck_nodes_reserved_memory CHECK (reserved_memory_mb BETWEEN 0 AND memory_mb),
        CONSTRAINT ck_nodes_reserved_gpu CHECK (reserved_gpu_units BETWEEN 0 AND gpu_units),
        CONSTRAINT ck_nodes_reserved_storage CHECK (reserved_storage_gb BETWEEN 0 AND storage_gb),
        CONSTRAINT ck_nodes_reserved_removed CHECK (removed_at IS NULL OR (reserved_cpu_cores = 0 AND reserved_memory_mb = 0))
      )`);
    await runner.query(`CREATE UNIQUE INDEX uq_nodes_live_name ON nodes (name) WHERE removed_at IS NULL`);
    await runner.query(`CREATE UNIQUE INDEX uq_nodes_live_engine ON nodes (engine_id) WHERE removed_at IS NULL`);
  }

  private async createDeployments(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE deployments (
        id                 uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_deployments PRIMARY KEY,
        user_id            uuid NOT NULL CONSTRAINT fk_deployments_user REFERENCES users (id) ON DELETE RESTRICT,
        name               text NOT NULL,
        type               text NOT NULL,
        container_image    text NOT NULL,
        target_replicas    integer NOT NULL,
        region             text NOT NULL,
        placement_strategy text NOT NULL DEFAULT 'spread',
        command            jsonb,
        env                jsonb NOT NULL DEFAULT '{}',
        ports              jsonb NOT NULL DEFAULT '[]',
        health_check       jsonb,
        labels             jsonb NOT NULL DEFAULT '{}',
        status             text NOT NULL DEFAULT 'pending',
        generation         integer NOT NULL DEFAULT 1,
        revision           integer NOT NULL DEFAULT 1,
        created_at         timestamptz NOT NULL DEFAULT now(),
        updated_at         timestamptz NOT NULL DEFAULT now(),
        deleted_at         timestamptz,
        CONSTRAINT ck_deployments_name CHECK (char_length(name) BETWEEN 1 AND 100),
        CONSTRAINT ck_deployments_type CHECK (type IN ('compute','storage','gateway','mixnode')),
        CONSTRAINT ck_deployments_target CHECK (target_replicas >= 1),
        CONSTRAINT ck_deployments_strategy CHECK (placement_strategy IN ('spread','distinct','binpack')),
        CONSTRAINT ck_deployments_status CHECK (status IN ('pending','scheduled','running','stopped','failed','deleted')),
        CONSTRAINT ck_deployments_deleted CHECK ((status = 'deleted') = (deleted_at IS NOT NULL))
      )`);
    await runner.query(`CREATE UNIQUE INDEX uq_deployments_live_name ON deployments (user_id, name) WHERE deleted_at IS NULL`);
    await runner.query(`CREATE INDEX ix_deployments_user_created ON deployments (user_id, created_at, id)`);
    await runner.query(`CREATE INDEX ix_deployments_unsettled ON deployments (id) WHERE status IN ('pending','scheduled')`);
    await runner.query(`
      CREATE TABLE deployment_resources (
        deployment_id uuid NOT NULL CONSTRAINT pk_deployment_resources PRIMARY KEY
          CONSTRAINT fk_deployment_resources_deployment REFERENCES deployments (id) ON DELETE RESTRICT,
        cpu_cores     numeric(9,3) NOT NULL CONSTRAINT ck_deployment_resources_cpu CHECK (cpu_cores > 0),
        memory_mb     integer NOT NULL CONSTRAINT ck_deployment_resources_memory CHECK (memory_mb > 0),
        gpu_units     integer NOT NULL CONSTRAINT ck_deployment_resources_gpu CHECK (gpu_units >= 0),
        storage_gb    integer NOT NULL CONSTRAINT ck_deployment_resources_storage CHECK (storage_gb > 0)
      )`);
  }

  private async createReplicas(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE placements (
        id            uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_placements PRIMARY KEY,
        deployment_id uuid NOT NULL CONSTRAINT fk_placements_deployment REFERENCES deployments (id) ON DELETE RESTRICT,
        cause         text NOT NULL CONSTRAINT ck_placements_cause CHECK (cause IN ('deploy','scale','replace','drain')),
        explanation   jsonb NOT NULL,
        created_at    timestamptz NOT NULL DEFAULT clock_timestamp()
      )`);
    await runner.query(`CREATE INDEX ix_placements_deployment ON placements (deployment_id, created_at)`);
    await runner.query(`
      CREATE TABLE deployment_replicas (
        id            uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_deployment_replicas PRIMARY KEY,
        deployment_id uuid NOT NULL CONSTRAINT fk_deployment_replicas_deployment REFERENCES deployments (id) ON DELETE RESTRICT,
        node_id       uuid NOT NULL CONSTRAINT fk_deployment_replicas_node REFERENCES nodes (id) ON DELETE RESTRICT,
        placement_id  uuid CONSTRAINT fk_deployment_replicas_placement REFERENCES placements (id) ON DELETE RESTRICT,
        generation    integer NOT NULL,
        attempt       integer NOT NULL DEFAULT 0,
        status        text NOT NULL DEFAULT 'pending',
        reason        text,
        container_id  text,
        published     jsonb NOT NULL DEFAULT '[]',
        created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
        changed_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
        started_at    timestamptz,
        stopped_at    timestamptz,
        superseded_at timestamptz,
        CONSTRAINT ck_deployment_replicas_status CHECK (status IN ('pending','starting','running','stopping','stopped','failed')),
        CONSTRAINT ck_deployment_replicas_stopped CHECK ((status = 'stopped') <= (stopped_at IS NOT NULL))
      )`);
    await runner.query(`CREATE INDEX ix_deployment_replicas_status ON deployment_replicas (deployment_id, status)`);
    await runner.query(`
      CREATE INDEX ix_deployment_replicas_node ON deployment_replicas (node_id)
       WHERE status IN ('pending','starting','running','stopping')`);
    await runner.query(`
      CREATE INDEX ix_deployment_replicas_unsettled ON deployment_replicas (deployment_id)
       WHERE status IN ('pending','starting','stopping') OR status = 'failed' AND superseded_at IS NULL`);
    await runner.query(`
      CREATE TABLE reservations (
        replica_id  uuid NOT NULL CONSTRAINT pk_reservations PRIMARY KEY
          CONSTRAINT fk_reservations_replica REFERENCES deployment_replicas (id) ON DELETE RESTRICT,
        deployment_id uuid NOT NULL CONSTRAINT fk_reservations_deployment REFERENCES deployments (id) ON DELETE RESTRICT,
        node_id     uuid NOT NULL CONSTRAINT fk_reservations_node REFERENCES nodes (id) ON DELETE RESTRICT,
        cpu_cores   numeric(9,3) NOT NULL,
        memory_mb   integer NOT NULL,
        gpu_units   integer NOT NULL,
        storage_gb  integer NOT NULL,
        reserved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        released_at timestamptz,
        CONSTRAINT ck_reservations_amount CHECK (cpu_cores > 0 AND memory_mb > 0 AND gpu_units >= 0 AND storage_gb >= 0)
      )`);
    await runner.query(`CREATE INDEX ix_reservations_open_node ON reservations (node_id) WHERE released_at IS NULL`);
    await runner.query(`CREATE INDEX ix_reservations_open_deployment ON reservations (deployment_id) WHERE released_at IS NULL`);
  }

  private async createHistory(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE deployment_status_history (
        id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_deployment_status_history PRIMARY KEY,
        deployment_id uuid NOT NULL CONSTRAINT fk_deployment_status_history_deployment REFERENCES deployments (id) ON DELETE RESTRICT,
        old_status    text NOT NULL,
        new_status    text NOT NULL,
        reason        text NOT NULL,
        changed_by    uuid CONSTRAINT fk_deployment_status_history_user REFERENCES users (id) ON DELETE RESTRICT,
        request_id    text,
        changed_at    timestamptz NOT NULL DEFAULT clock_timestamp()
      )`);
    await runner.query(`CREATE INDEX ix_deployment_status_history_changed ON deployment_status_history (deployment_id, changed_at)`);
    await runner.query(`CREATE INDEX ix_deployment_status_history_order ON deployment_status_history (deployment_id, id)`);
  }

  private async createGuards(runner: QueryRunner): Promise<void> {
    // A stale entity that is saved after a delete would bring the deployment back to life; only a restore may do that.
    await runner.query(`
      CREATE FUNCTION guard_deleted_deployment() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF OLD.status = 'deleted' AND (NEW.status <> 'deleted' OR NEW.deleted_at IS DISTINCT FROM OLD.deleted_at)
           AND coalesce(current_setting('fog.operation', true), '') <> 'restore' THEN
          RAISE EXCEPTION 'deployment % is deleted; only a restore may change it', OLD.id USING ERRCODE = '23514';
        END IF;
        RETURN NEW;
      END $$`);
    await runner.query(`
      CREATE TRIGGER tr_deployments_deleted BEFORE UPDATE ON deployments FOR EACH ROW EXECUTE FUNCTION guard_deleted_deployment()`);
    await runner.query(`
      CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = '23514'; END $$`);
    await runner.query(`
      CREATE TRIGGER tr_history_rows BEFORE UPDATE OR DELETE ON deployment_status_history FOR EACH ROW EXECUTE FUNCTION refuse_change()`);
    await runner.query(`
      CREATE TRIGGER tr_history_truncate BEFORE TRUNCATE ON deployment_status_history FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()`);
    await runner.query(`
      CREATE FUNCTION guard_final_replica() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'replica % is %; a new container needs a new replica', OLD.id, OLD.status USING ERRCODE = '23514';
      END $$`);
    await runner.query(`
      CREATE TRIGGER tr_replicas_final BEFORE UPDATE OF status ON deployment_replicas FOR EACH ROW
        WHEN (OLD.status IN ('stopped','failed') AND NEW.status <> OLD.status) EXECUTE FUNCTION guard_final_replica()`);
    await this.createReservationTriggers(runner);
  }

  /**
   * Reserving and releasing move the node's counters here and nowhere else; the CHECKs on `nodes` refuse overcommitment.
   * Nodes are locked in id order before the one UPDATE: without that, releases of overlapping sets deadlock.
   */
  private async createReservationTriggers(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION count_reservations() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM 1 FROM nodes WHERE id IN (SELECT node_id FROM changed) ORDER BY id FOR NO KEY UPDATE;
        UPDATE nodes AS n
           SET reserved_cpu_cores  = n.reserved_cpu_cores  + TG_ARGV[0]::int * c.cpu_cores,
               reserved_memory_mb  = n.reserved_memory_mb  + TG_ARGV[0]::int * c.memory_mb,
               reserved_gpu_units  = n.reserved_gpu_units  + TG_ARGV[0]::int * c.gpu_units,
               reserved_storage_gb = n.reserved_storage_gb + TG_ARGV[0]::int * c.storage_gb
          FROM (SELECT node_id, sum(cpu_cores) AS cpu_cores, sum(memory_mb)::int AS memory_mb,
                       sum(gpu_units)::int AS gpu_units, sum(storage_gb)::int AS storage_gb
                  FROM changed GROUP BY node_id) AS c
         WHERE n.id = c.node_id;
        RETURN NULL;
      END $$`);
    await runner.query(`
      CREATE FUNCTION guard_reservation() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF TG_OP = 'INSERT' THEN
          IF NEW.released_at IS NOT NULL THEN
            RAISE EXCEPTION 'reservation % must start open', NEW.replica_id USING ERRCODE = '23514';
          END IF;
          RETURN NEW;
        END IF;
        IF TG_OP = 'DELETE' THEN
          IF OLD.released_at IS NULL THEN
            RAISE EXCEPTION 'reservation % is open; release it first', OLD.replica_id USING ERRCODE = '23514';
          END IF;
          RETURN OLD;
        END IF;
        IF OLD.released_at IS NOT NULL OR NEW.released_at IS NULL
           OR (NEW.replica_id, NEW.deployment_id, NEW.node_id, NEW.cpu_cores, NEW.memory_mb, NEW.gpu_units, NEW.storage_gb)
              IS DISTINCT FROM
              (OLD.replica_id, OLD.deployment_id, OLD.node_id, OLD.cpu_cores, OLD.memory_mb, OLD.gpu_units, OLD.storage_gb) THEN
          RAISE EXCEPTION 'reservation % can only be released, once', OLD.replica_id USING ERRCODE = '23514';
        END IF;
        RETURN NEW;
      END $$`);
    await runner.query(`
      CREATE TRIGGER tr_reservations_guard BEFORE INSERT OR UPDATE OR DELETE ON reservations
        FOR EACH ROW EXECUTE FUNCTION guard_reservation()`);
    await runner.query(`
      CREATE TRIGGER tr_reservations_reserve AFTER INSERT ON reservations REFERENCING NEW TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION count_reservations('1')`);
    await runner.query(`
      CREATE TRIGGER tr_reservations_release AFTER UPDATE ON reservations REFERENCING NEW TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION count_reservations('-1')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE deployment_status_history, reservations, deployment_replicas, placements, deployment_resources,
                 deployments, nodes, installation`);
    await runner.query(`
      DROP FUNCTION count_reservations(), guard_reservation(), guard_final_replica(), refuse_change(), guard_deleted_deployment()`);
  }
}
