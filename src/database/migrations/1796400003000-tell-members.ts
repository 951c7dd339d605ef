import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Who is told of what happens to a deployment: the user who deployed it, as long as that user is in its project; else the member
 * of the project who has been a maintainer for longest.
 */
export class TellMembers1796400003000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION event_recipient(project uuid, owner uuid) RETURNS uuid LANGUAGE plpgsql STABLE AS $$
      BEGIN
        IF project = owner THEN RETURN owner; END IF;
        RETURN coalesce((SELECT m.user_id FROM project_members AS m WHERE m.project_id = project
                          ORDER BY m.user_id <> owner, m.role <> 'maintainer', m.added_at, m.user_id LIMIT 1), owner);
      END $$`);
    await runner.query(recordStatusEvents(`event_recipient(d.project_id, d.user_id)`));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(recordStatusEvents(`d.user_id`));
    await runner.query(`DROP FUNCTION event_recipient(uuid, uuid)`);
  }
}

/** The trigger's function of TellOfHealth with another recipient. */
const recordStatusEvents = (recipient: string): string => `
  CREATE OR REPLACE FUNCTION record_status_events() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO events (type, user_id, deployment_id, labels, data, occurred_at)
    SELECT 'fog.deployment.' || CASE WHEN h.old_status = 'none' THEN 'created'
                                     WHEN h.old_status = h.new_status THEN coalesce(h.event, 'scaled')
                                     WHEN h.old_status = 'deleted' THEN 'restored'
                                     ELSE h.new_status END,
           ${recipient}, d.id, d.labels,
           jsonb_build_object('deployment_id', d.id, 'name', d.name, 'old_status', nullif(h.old_status, 'none'),
                              'new_status', h.new_status, 'reason', h.reason, 'target_replicas', d.target_replicas,
                              'generation', d.generation, 'changed_by', h.changed_by, 'request_id', h.request_id,
                              'labels', d.labels),
           h.changed_at
      FROM added AS h JOIN deployments AS d ON d.id = h.deployment_id
     ORDER BY h.id;
    RETURN NULL;
  END $$`;
