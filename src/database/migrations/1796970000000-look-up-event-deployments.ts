import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Looks the deployments of new events up by their key, one by one. For the history of a thousand deployments at once PostgreSQL read
 * the whole table of deployments instead, which takes longer the more there are.
 */
export class LookUpEventDeployments1796970000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(recordStatusEvents(BY_KEY));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(recordStatusEvents(`JOIN deployments AS d ON d.id = h.deployment_id`));
  }
}

/** OFFSET 0 keeps PostgreSQL from making it the join that it was. */
const BY_KEY = `CROSS JOIN LATERAL (SELECT * FROM deployments WHERE id = h.deployment_id OFFSET 0) AS d`;

/** The trigger's function of TellMembers with another way to the deployments. */
const recordStatusEvents = (deployments: string): string => `
  CREATE OR REPLACE FUNCTION record_status_events() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO events (type, user_id, deployment_id, labels, data, occurred_at)
    SELECT 'fog.deployment.' || CASE WHEN h.old_status = 'none' THEN 'created'
                                     WHEN h.old_status = h.new_status THEN coalesce(h.event, 'scaled')
                                     WHEN h.old_status = 'deleted' THEN 'restored'
                                     ELSE h.new_status END,
           event_recipient(d.project_id, d.user_id), d.id, d.labels,
           jsonb_build_object('deployment_id', d.id, 'name', d.name, 'old_status', nullif(h.old_status, 'none'),
                              'new_status', h.new_status, 'reason', h.reason, 'target_replicas', d.target_replicas,
                              'generation', d.generation, 'changed_by', h.changed_by, 'request_id', h.request_id,
                              'labels', d.labels),
           h.changed_at
      FROM added AS h ${deployments}
     ORDER BY h.id;
    RETURN NULL;
  END $$`;
