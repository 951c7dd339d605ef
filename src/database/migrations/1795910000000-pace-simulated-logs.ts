import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How fast a simulated workload writes its lines; null: all at its start. */
export class PaceSimulatedLogs1795910000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE simulated_workloads ADD COLUMN log_every_ms integer
        CONSTRAINT ck_simulated_workloads_log_every CHECK (log_every_ms >= 1)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE simulated_workloads DROP COLUMN log_every_ms`);
  }
}
