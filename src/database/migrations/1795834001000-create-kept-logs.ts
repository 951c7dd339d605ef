import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The last lines of containers that have ended, because an engine forgets them with the container. */
export class CreateKeptLogs1795834001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE kept_logs (
        replica_id    uuid NOT NULL CONSTRAINT pk_kept_logs PRIMARY KEY
          CONSTRAINT fk_kept_logs_replica REFERENCES deployment_replicas (id) ON DELETE RESTRICT,
        deployment_id uuid NOT NULL,
        lines         jsonb NOT NULL,
        cut           boolean NOT NULL,
        kept_at       timestamptz NOT NULL DEFAULT clock_timestamp()
      )`);
    await runner.query(`CREATE INDEX ix_kept_logs_deployment ON kept_logs (deployment_id, kept_at)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE kept_logs`);
  }
}
