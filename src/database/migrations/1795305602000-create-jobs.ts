import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The work queue, one row per thing to look after, and the answers kept for repeated requests. */
export class CreateJobs1795305602000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE jobs (
        id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_jobs PRIMARY KEY,
        kind          text NOT NULL,
        key           text NOT NULL,
        wishes        bigint NOT NULL DEFAULT 1,
        due_at        timestamptz NOT NULL DEFAULT now(),
        attempts      integer NOT NULL DEFAULT 0,
        last_error    text,
        failing_since timestamptz,
        claim         uuid,
        claimed_by    text,
        lease_until   timestamptz,
        created_at    timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_jobs_key UNIQUE (kind, key)
      )`);
    await runner.query(`CREATE INDEX ix_jobs_due ON jobs (due_at)`);
    await runner.query(`
      CREATE TABLE idempotency_keys (
        scope         text NOT NULL,
        key           text NOT NULL,
        request_hash  text NOT NULL,
        claim         uuid NOT NULL,
        lease_until   timestamptz NOT NULL,
        answer_status integer,
        answer_sealed bytea,
        created_at    timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_idempotency_keys PRIMARY KEY (scope, key)
      )`);
    await runner.query(`CREATE INDEX ix_idempotency_keys_created ON idempotency_keys (created_at)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE idempotency_keys, jobs`);
  }
}
