import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Work on many deployments at once, item by item. Items name deployments without a key to them: those may be purged meanwhile. */
export class CreateOperations1795305608000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE operations (
        id             uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_operations PRIMARY KEY,
        kind           text NOT NULL,
        status         text NOT NULL,
        user_id        uuid NOT NULL CONSTRAINT fk_operations_user REFERENCES users (id) ON DELETE RESTRICT,
        options        jsonb NOT NULL,
        origin         jsonb NOT NULL,
        all_or_nothing boolean NOT NULL DEFAULT false,
        reason         text,
        confirmed_by   uuid CONSTRAINT fk_operations_confirmer REFERENCES users (id) ON DELETE RESTRICT,
        confirmed_at   timestamptz,
        created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
        updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
        finished_at    timestamptz,
        CONSTRAINT ck_operations_kind CHECK (kind IN ('bulk_delete','bulk_restore')),
        CONSTRAINT ck_operations_status CHECK (status IN ('running','waiting_for_confirmation','completed','failed','cancelled')),
        CONSTRAINT ck_operations_finished CHECK ((status IN ('completed','failed','cancelled')) = (finished_at IS NOT NULL))
      )`);
    await runner.query(`CREATE INDEX ix_operations_user ON operations (user_id, created_at, id)`);
    await runner.query(`CREATE INDEX ix_operations_open ON operations (created_at) WHERE finished_at IS NULL`);
    await runner.query(`CREATE INDEX ix_operations_finished ON operations (finished_at) WHERE finished_at IS NOT NULL`);
    await runner.query(`
      CREATE TABLE operation_items (
        operation_id  uuid NOT NULL CONSTRAINT fk_operation_items_operation REFERENCES operations (id) ON DELETE CASCADE,
        position      integer NOT NULL,
        deployment_id uuid NOT NULL,
        state         text NOT NULL DEFAULT 'pending',
        code          text,
        detail        text,
        decided_at    timestamptz,
        CONSTRAINT pk_operation_items PRIMARY KEY (operation_id, position),
        CONSTRAINT uq_operation_items_deployment UNIQUE (operation_id, deployment_id),
        CONSTRAINT ck_operation_items_state CHECK (state IN ('pending','deleted','restored','refused','cancelled'))
      )`);
    await runner.query(`CREATE INDEX ix_deletions_operation ON deletions (operation_id, decided_at) WHERE operation_id IS NOT NULL`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX ix_deletions_operation`);
    await runner.query(`DROP TABLE operation_items, operations`);
  }
}
