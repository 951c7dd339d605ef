import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What is remembered of deployments whose health is not good, and of nodes that do not answer, so that each change is told once;
 * and the event that a history row stands for when its statuses do not say it.
 */
export class TellOfHealth1795838000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE deployment_troubles (
        deployment_id uuid NOT NULL CONSTRAINT pk_deployment_troubles PRIMARY KEY
          CONSTRAINT fk_deployment_troubles_deployment REFERENCES deployments (id) ON DELETE RESTRICT,
        generation    integer NOT NULL,
        health        text NOT NULL,
        since         timestamptz NOT NULL,
        began_at      timestamptz NOT NULL,
        told          text NOT NULL,
        CONSTRAINT ck_deployment_troubles_health CHECK (health IN ('healthy','degraded','unhealthy')),
        CONSTRAINT ck_deployment_troubles_told CHECK (told IN ('healthy','degraded','unhealthy'))
      )`);
    await runner.query(`ALTER TABLE nodes ADD COLUMN silence_told_at timestamptz`);
    await runner.query(`
      ALTER TABLE deployment_status_history ADD COLUMN event text,
        ADD CONSTRAINT ck_deployment_status_history_event
          CHECK (event IS NULL OR (old_status = new_status AND event IN ('degraded','unhealthy','recovered'))) NOT VALID`);
    await runner.query(recordStatusEvents(`coalesce(h.event, 'scaled')`));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(recordStatusEvents(`'scaled'`));
    await runner.query(`ALTER TABLE deployment_status_history DROP COLUMN event`);
    await runner.query(`ALTER TABLE nodes DROP COLUMN silence_told_at`);
    await runner.query(`DROP TABLE deployment_troubles`);
  }
}

/** The trigger's function of CreateEvents with another word for rows whose status stayed. */
const recordStatusEvents = (sameStatus: string): string => `
  CREATE OR REPLACE FUNCTION record_status_events() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO events (type, user_id, deployment_id, labels, data, occurred_at)
    SELECT 'fog.deployment.' || CASE WHEN h.old_status = 'none' THEN 'created'
                                     WHEN h.old_status = h.new_status THEN ${sameStatus}
                                     WHEN h.old_status = 'deleted' THEN 'restored'
                                     ELSE h.new_status END,
           d.user_id, d.id, d.labels,
           jsonb_build_object('deployment_id', d.id, 'name', d.name, 'old_status', nullif(h.old_status, 'none'),
                              'new_status', h.new_status, 'reason', h.reason, 'target_replicas', d.target_replicas,
                              'generation', d.generation, 'changed_by', h.changed_by, 'request_id', h.request_id,
                              'labels', d.labels),
           h.changed_at
      FROM added AS h JOIN deployments AS d ON d.id = h.deployment_id
     ORDER BY h.id;
    RETURN NULL;
  END $$`;
