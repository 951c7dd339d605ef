import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The audit log and the chain that seals it. Users are named by id only and without a foreign key: a row outlives the
 * user, and the chain stays as it is when a user's name is taken away.
 */
export class CreateAudit1795305606000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE audit_log (
        id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_audit_log PRIMARY KEY,
        at            timestamptz NOT NULL DEFAULT clock_timestamp(),
        actor_id      uuid,
        via           text NOT NULL,
        credential_id uuid,
        address       text,
        action        text NOT NULL,
        resource_type text,
        resource_id   uuid,
        outcome       text NOT NULL,
        code          text,
        request_id    text,
        before        jsonb,
        after         jsonb,
        CONSTRAINT ck_audit_log_via CHECK (via IN ('session','api_token','external','anonymous','system')),
        CONSTRAINT ck_audit_log_outcome CHECK (outcome IN ('done','refused')),
        CONSTRAINT ck_audit_log_code CHECK ((outcome = 'refused') = (code IS NOT NULL))
      )`);
    await runner.query(`CREATE INDEX ix_audit_log_resource ON audit_log (resource_id, id)`);
    await runner.query(`CREATE INDEX ix_audit_log_actor ON audit_log (actor_id, id)`);
    await runner.query(`CREATE INDEX ix_audit_log_at ON audit_log (at)`);
    await runner.query(`CREATE TABLE audit_pending (audit_id bigint NOT NULL CONSTRAINT pk_audit_pending PRIMARY KEY)`);
    await runner.query(`
      CREATE TABLE audit_chain (
        position  bigint NOT NULL CONSTRAINT pk_audit_chain PRIMARY KEY,
        audit_id  bigint NOT NULL CONSTRAINT uq_audit_chain_audit UNIQUE,
        hash      bytea NOT NULL,
        sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT ck_audit_chain_position CHECK (position >= 1)
      )`);
    await this.createGuards(runner);
  }

  /** Append-only, but for what the retention may remove: rows of another day, and their links once they are gone. */
  private async createGuards(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION guard_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF TG_OP = 'DELETE' THEN
          IF coalesce(current_setting('fog.operation', true), '') = 'audit_retention' AND OLD.at < now() - interval '1 day' THEN
            RETURN OLD;
          END IF;
        END IF;
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = '23514';
      END $$`);
    await runner.query(`
      CREATE FUNCTION guard_audit_chain() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF TG_OP = 'DELETE' THEN
          IF coalesce(current_setting('fog.operation', true), '') = 'audit_retention'
             AND NOT EXISTS (SELECT 1 FROM audit_log WHERE id = OLD.audit_id) THEN
            RETURN OLD;
          END IF;
        END IF;
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = '23514';
      END $$`);
    for (const table of ['audit_log', 'audit_chain']) {
      await runner.query(`
        CREATE TRIGGER tr_${table}_rows BEFORE UPDATE OR DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION guard_${table}()`);
      await runner.query(`
        CREATE TRIGGER tr_${table}_truncate BEFORE TRUNCATE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE audit_chain, audit_pending, audit_log`);
    await runner.query(`DROP FUNCTION guard_audit_chain(), guard_audit_log()`);
  }
}
