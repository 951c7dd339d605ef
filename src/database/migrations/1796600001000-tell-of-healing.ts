import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A history row may stand for what a machine did by itself while it was away. Each such word is an event of that name. */
export class TellOfHealing1796600001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await allow(runner, EVENTS.concat('healed'));
  }

  async down(runner: QueryRunner): Promise<void> {
    await allow(runner, EVENTS);
  }
}

const EVENTS = ['degraded', 'unhealthy', 'recovered', 'rollout_started', 'rolled_out', 'rolled_back', 'rollout_paused'];

/** Not validated: the rows that are there were written under the constraint before. */
async function allow(runner: QueryRunner, events: readonly string[]): Promise<void> {
  const words = events.map((event) => `'${event}'`).join(',');
  await runner.query(`ALTER TABLE deployment_status_history DROP CONSTRAINT ck_deployment_status_history_event`);
  await runner.query(`
    ALTER TABLE deployment_status_history ADD CONSTRAINT ck_deployment_status_history_event
      CHECK (event IS NULL OR (old_status = new_status AND event IN (${words}))) NOT VALID`);
}
