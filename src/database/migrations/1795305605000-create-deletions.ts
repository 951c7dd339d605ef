import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a delete was asked to do, what protects a deployment from one, and what a replica that is ending still waits for. */
export class CreateDeletions1795305605000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE deployments
        ADD COLUMN protection_reason text,
        ADD COLUMN legal_hold_reason text,
        ADD COLUMN purge_at timestamptz,
        ADD CONSTRAINT ck_deployments_purge CHECK (purge_at IS NULL OR deleted_at IS NOT NULL)`);
    await runner.query(`CREATE INDEX ix_deployments_purge ON deployments (purge_at, id) WHERE purge_at IS NOT NULL`);
    await runner.query(`
      CREATE TABLE deletions (
        id               uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_deletions PRIMARY KEY,
        deployment_id    uuid NOT NULL CONSTRAINT fk_deletions_deployment REFERENCES deployments (id) ON DELETE RESTRICT,
        generation       integer NOT NULL,
        requested_by     uuid CONSTRAINT fk_deletions_user REFERENCES users (id) ON DELETE RESTRICT,
        request_id       text,
        operation_id     uuid,
        grace_seconds    integer NOT NULL,
        force            boolean NOT NULL DEFAULT false,
        warm_until       timestamptz,
        retention_policy text NOT NULL,
        decided_at       timestamptz NOT NULL,
        completed_at     timestamptz,
        restored_at      timestamptz,
        CONSTRAINT uq_deletions_generation UNIQUE (deployment_id, generation),
        CONSTRAINT ck_deletions_grace CHECK (grace_seconds BETWEEN 0 AND 300)
      )`);
    // What was deleted before there was this table has its row too; one that still runs is completed by the reconciler.
    await runner.query(`
      INSERT INTO deletions (deployment_id, generation, requested_by, request_id, grace_seconds, retention_policy, decided_at, completed_at)
      SELECT d.id, d.generation, h.changed_by, h.request_id, 10, '30 days, the default', d.deleted_at,
             CASE WHEN NOT EXISTS (SELECT 1 FROM reservations WHERE deployment_id = d.id AND released_at IS NULL) THEN d.deleted_at END
        FROM deployments AS d
        LEFT JOIN LATERAL (SELECT changed_by, request_id FROM deployment_status_history
                            WHERE deployment_id = d.id AND new_status = 'deleted' ORDER BY id DESC LIMIT 1) AS h ON true
       WHERE d.deleted_at IS NOT NULL`);
    await runner.query(`CREATE INDEX ix_deletions_open ON deletions (decided_at) WHERE completed_at IS NULL`);
    await runner.query(`
      ALTER TABLE deployment_replicas
        ADD COLUMN warm_until timestamptz,
        ADD COLUMN parked_at timestamptz,
        ADD COLUMN parked_run_at timestamptz,
        ADD COLUMN given_up_at timestamptz,
        ADD COLUMN stop_attempts integer NOT NULL DEFAULT 0,
        ADD COLUMN stop_error text,
        ADD COLUMN stop_retry_at timestamptz`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE deployment_replicas
        DROP COLUMN warm_until, DROP COLUMN parked_at, DROP COLUMN parked_run_at, DROP COLUMN given_up_at, DROP COLUMN stop_attempts, DROP COLUMN stop_error, DROP COLUMN stop_retry_at`);
    await runner.query(`DROP TABLE deletions`);
    await runner.query(`
      ALTER TABLE deployments DROP COLUMN protection_reason, DROP COLUMN legal_hold_reason, DROP COLUMN purge_at`);
  }
}
