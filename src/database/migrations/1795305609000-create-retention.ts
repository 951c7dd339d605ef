import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How long deleted deployments are kept, and the only door through which their rows may leave: a purge whose time has come. */
export class CreateRetention1795305609000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE retention_policies (
        id         uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_retention_policies PRIMARY KEY,
        selector   text NOT NULL CONSTRAINT ck_retention_policies_selector CHECK (selector IN ('label','user','type')),
        value      text NOT NULL CONSTRAINT ck_retention_policies_value CHECK (char_length(value) BETWEEN 1 AND 320),
        days       integer NOT NULL CONSTRAINT ck_retention_policies_days CHECK (days BETWEEN 1 AND 36500),
        changed_by uuid NOT NULL CONSTRAINT fk_retention_policies_user REFERENCES users (id) ON DELETE RESTRICT,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_retention_policies_selector UNIQUE (selector, value)
      )`);
    await runner.query(`
      CREATE TABLE purged_deployments (
        deployment_id uuid NOT NULL CONSTRAINT pk_purged_deployments PRIMARY KEY,
        purged_at     timestamptz NOT NULL DEFAULT now()
      )`);
    await runner.query(`CREATE INDEX ix_purged_deployments_purged ON purged_deployments (purged_at)`);
    await this.lightenReservations(runner);
    await this.createGuards(runner);
  }

  /**
   * A purge looks for the children of what it removes, and a placement pays for every key and index of each replica: a key of
   * a row to the node or the deployment that its replica has a key to already tells nothing new, and locks the same row again.
   */
  private async lightenReservations(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE reservations DROP CONSTRAINT fk_reservations_node, DROP CONSTRAINT fk_reservations_deployment`);
    await runner.query(`ALTER TABLE deployment_replicas DROP CONSTRAINT fk_deployment_replicas_placement`);
    await runner.query(`DROP INDEX ix_reservations_open_deployment`);
    await runner.query(`CREATE INDEX ix_reservations_deployment ON reservations (deployment_id)`);
    await runner.query(`DROP TRIGGER tr_reservations_guard ON reservations`);
    await runner.query(`
      CREATE TRIGGER tr_reservations_guard BEFORE UPDATE OR DELETE ON reservations FOR EACH ROW EXECUTE FUNCTION guard_reservation()`);
    await runner.query(`
      CREATE TRIGGER tr_reservations_open BEFORE INSERT ON reservations FOR EACH ROW WHEN (NEW.released_at IS NOT NULL)
        EXECUTE FUNCTION guard_reservation()`);
  }

  private async createGuards(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION may_purge(deployment uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT coalesce(current_setting('fog.operation', true), '') = 'purge'
           AND EXISTS (SELECT 1 FROM deployments
                        WHERE id = deployment AND deleted_at IS NOT NULL AND purge_at <= now() AND legal_hold_reason IS NULL)
      $$`);
    await runner.query(`
      CREATE FUNCTION guard_history_purge() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF may_purge(OLD.deployment_id) THEN RETURN OLD; END IF;
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = '23514';
      END $$`);
    await runner.query(`DROP TRIGGER tr_history_rows ON deployment_status_history`);
    await runner.query(`
      CREATE TRIGGER tr_history_rows BEFORE UPDATE ON deployment_status_history FOR EACH ROW EXECUTE FUNCTION refuse_change()`);
    await runner.query(`
      CREATE TRIGGER tr_history_purge BEFORE DELETE ON deployment_status_history FOR EACH ROW EXECUTE FUNCTION guard_history_purge()`);
    await runner.query(`
      CREATE FUNCTION guard_deployment_purge() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF may_purge(OLD.id) THEN RETURN OLD; END IF;
        RAISE EXCEPTION 'deployment % may only leave by a purge whose time has come', OLD.id USING ERRCODE = '23514';
      END $$`);
    await runner.query(`
      CREATE TRIGGER tr_deployments_purge BEFORE DELETE ON deployments FOR EACH ROW EXECUTE FUNCTION guard_deployment_purge()`);
    await runner.query(`
      CREATE FUNCTION guard_purge_time() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF coalesce(current_setting('fog.operation', true), '') IN ('purge', 'retention') THEN RETURN NEW; END IF;
        RAISE EXCEPTION 'purge_at of deployment % was frozen when it was deleted', OLD.id USING ERRCODE = '23514';
      END $$`);
    await runner.query(`
      CREATE TRIGGER tr_deployments_purge_time BEFORE UPDATE OF purge_at ON deployments FOR EACH ROW
        WHEN (OLD.status = 'deleted' AND NEW.status = 'deleted' AND OLD.purge_at IS NOT NULL AND NEW.purge_at IS DISTINCT FROM OLD.purge_at)
        EXECUTE FUNCTION guard_purge_time()`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TRIGGER tr_deployments_purge_time ON deployments`);
    await runner.query(`DROP TRIGGER tr_deployments_purge ON deployments`);
    await runner.query(`DROP TRIGGER tr_history_purge ON deployment_status_history`);
    await runner.query(`DROP TRIGGER tr_history_rows ON deployment_status_history`);
    await runner.query(`
      CREATE TRIGGER tr_history_rows BEFORE UPDATE OR DELETE ON deployment_status_history
        FOR EACH ROW EXECUTE FUNCTION refuse_change()`);
    await runner.query(`DROP FUNCTION guard_purge_time(), guard_deployment_purge(), guard_history_purge(), may_purge(uuid)`);
    await runner.query(`DROP TRIGGER tr_reservations_open ON reservations`);
    await runner.query(`DROP TRIGGER tr_reservations_guard ON reservations`);
    await runner.query(`
      CREATE TRIGGER tr_reservations_guard BEFORE INSERT OR UPDATE OR DELETE ON reservations
        FOR EACH ROW EXECUTE FUNCTION guard_reservation()`);
    await runner.query(`DROP INDEX ix_reservations_deployment`);
    await runner.query(`CREATE INDEX ix_reservations_open_deployment ON reservations (deployment_id) WHERE released_at IS NULL`);
    await runner.query(`
      ALTER TABLE deployment_replicas ADD CONSTRAINT fk_deployment_replicas_placement
        FOREIGN KEY (placement_id) REFERENCES placements (id) ON DELETE RESTRICT`);
    await runner.query(`
      ALTER TABLE reservations
        ADD CONSTRAINT fk_reservations_deployment FOREIGN KEY (deployment_id) REFERENCES deployments (id) ON DELETE RESTRICT,
        ADD CONSTRAINT fk_reservations_node FOREIGN KEY (node_id) REFERENCES nodes (id) ON DELETE RESTRICT`);
    await runner.query(`DROP TABLE purged_deployments, retention_policies`);
  }
}
