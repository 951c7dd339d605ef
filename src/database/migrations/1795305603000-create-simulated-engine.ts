import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The state of the simulated engine: what "runs" where. Ordinary tables, so that it survives every crash of the control
 * plane as real containers would. No foreign keys: an engine knows nothing of deployments and nodes.
 */
export class CreateSimulatedEngine1795305603000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE simulated_workloads (
        node_id         uuid NOT NULL,
        replica_id      uuid NOT NULL,
        deployment_id   uuid NOT NULL,
        container_id    text NOT NULL,
        generation      integer NOT NULL,
        image           text NOT NULL,
        ports           jsonb NOT NULL,
        host_port       integer NOT NULL,
        log             text NOT NULL,
        unhealthy       boolean NOT NULL,
        ignores_sigterm boolean NOT NULL,
        removal_ms      integer NOT NULL,
        started_at      timestamptz NOT NULL,
        ready_at        timestamptz NOT NULL,
        exits_at        timestamptz,
        exit_code       integer,
        exit_reason     text,
        gone_at         timestamptz,
        CONSTRAINT pk_simulated_workloads PRIMARY KEY (node_id, replica_id),
        CONSTRAINT ck_simulated_workloads_exit CHECK ((exits_at IS NULL) = (exit_code IS NULL)),
        CONSTRAINT ck_simulated_workloads_removal CHECK (removal_ms >= 0)
      )`);
    await runner.query(`CREATE INDEX ix_simulated_workloads_deployment ON simulated_workloads (deployment_id)`);
    await runner.query(`CREATE INDEX ix_simulated_workloads_replica ON simulated_workloads (replica_id)`);
    await runner.query(`CREATE INDEX ix_simulated_workloads_ready ON simulated_workloads (ready_at)`);
    await runner.query(`CREATE INDEX ix_simulated_workloads_exits ON simulated_workloads (exits_at) WHERE exits_at IS NOT NULL`);
    await runner.query(`CREATE INDEX ix_simulated_workloads_gone ON simulated_workloads (gone_at) WHERE gone_at IS NOT NULL`);
    await runner.query(`
      CREATE TABLE simulated_node_faults (
        node_id uuid NOT NULL,
        since   timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT pk_simulated_node_faults PRIMARY KEY (node_id)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE simulated_node_faults`);
    await runner.query(`DROP TABLE simulated_workloads`);
  }
}
