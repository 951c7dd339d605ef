import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What is on the engines, in the records or in the routes and has lost its other half. Without foreign keys: an orphan may name a
 * deployment that was never known here. The columns of old rows and of old workers stay null.
 */
export class CreateOrphans1795930000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE orphans (
        id                uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_orphans PRIMARY KEY,
        kind              text NOT NULL,
        subject           text NOT NULL,
        node_id           uuid,
        engine_id         text,
        deployment_id     uuid,
        replica_id        uuid,
        facts             jsonb NOT NULL DEFAULT '{}',
        state             text NOT NULL DEFAULT 'found',
        version           integer NOT NULL DEFAULT 1,
        sightings         integer NOT NULL DEFAULT 1,
        first_seen_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
        last_seen_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
        decided_at        timestamptz,
        decided_by        uuid,
        attempts          integer NOT NULL DEFAULT 0,
        last_error        text,
        ended_at          timestamptz,
        CONSTRAINT ck_orphans_kind CHECK (kind IN ('container','replica','route')),
        CONSTRAINT ck_orphans_state CHECK (state IN ('found','reaping','reaped','adopted')),
        CONSTRAINT ck_orphans_ended CHECK ((state IN ('reaped','adopted')) = (ended_at IS NOT NULL))
      )`);
    await runner.query(`CREATE UNIQUE INDEX uq_orphans_open ON orphans (kind, subject) WHERE ended_at IS NULL`);
    await runner.query(`CREATE INDEX ix_orphans_node ON orphans (node_id) WHERE ended_at IS NULL`);
    await runner.query(`ALTER TABLE simulated_workloads ADD COLUMN spec_digest text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE simulated_workloads DROP COLUMN spec_digest`);
    await runner.query(`DROP TABLE orphans`);
  }
}
