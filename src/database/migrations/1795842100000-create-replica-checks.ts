import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What health checks have found out about replicas. An old worker writes no rows, which means that nothing is known. */
export class CreateReplicaChecks1795842100000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE replica_checks (
        replica_id    uuid NOT NULL CONSTRAINT pk_replica_checks PRIMARY KEY
          CONSTRAINT fk_replica_checks_replica REFERENCES deployment_replicas (id) ON DELETE CASCADE,
        deployment_id uuid NOT NULL
          CONSTRAINT fk_replica_checks_deployment REFERENCES deployments (id) ON DELETE CASCADE,
        run           text NOT NULL,
        probe         jsonb,
        healthy       boolean,
        reason        text,
        seen_at       timestamptz NOT NULL DEFAULT clock_timestamp()
      )`);
    await runner.query(`CREATE INDEX ix_replica_checks_deployment ON replica_checks (deployment_id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE replica_checks`);
  }
}
