import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createFirstRevisionTrigger, dropFirstRevisionTrigger } from './first-revision-trigger';

/**
 * The spec of a deployment stands in its revisions from now on. All of this changes the catalogue only, so it takes no time on
 * tables of any size; the key is checked by the next migration. Programs of before must have ended: whatever they still write
 * is an error and changes nothing, since the columns that they name are gone.
 */
export class UseRevisions1795305620500 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await dropFirstRevisionTrigger(runner);
    await runner.query(`
      ALTER TABLE deployments
        ADD COLUMN current_revision integer NOT NULL DEFAULT 1,
        DROP COLUMN container_image, DROP COLUMN command, DROP COLUMN env, DROP COLUMN ports, DROP COLUMN health_check`);
    // A replica's revision has the key to the deployment, so that a second one would only cost each placement a lock.
    await runner.query(`
      ALTER TABLE deployment_replicas
        DROP CONSTRAINT fk_deployment_replicas_deployment,
        ADD CONSTRAINT fk_deployment_replicas_revision FOREIGN KEY (deployment_id, revision)
          REFERENCES deployment_revisions (deployment_id, number) ON DELETE RESTRICT NOT VALID`);
  }

  /** Brings back what the current revision says, and the trigger for the time until the table of revisions goes. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE deployment_replicas
        DROP CONSTRAINT fk_deployment_replicas_revision,
        ADD CONSTRAINT fk_deployment_replicas_deployment FOREIGN KEY (deployment_id) REFERENCES deployments (id) ON DELETE RESTRICT`);
    await runner.query(`
      ALTER TABLE deployments
        ADD COLUMN container_image text, ADD COLUMN command jsonb, ADD COLUMN env jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN ports jsonb NOT NULL DEFAULT '[]', ADD COLUMN health_check jsonb`);
    await runner.query(`
      UPDATE deployments AS d
         SET container_image = v.spec->>'image', command = nullif(v.spec->'command', 'null'), env = v.spec->'env',
             ports = v.spec->'ports', health_check = nullif(v.spec->'healthCheck', 'null')
        FROM deployment_revisions AS v WHERE v.deployment_id = d.id AND v.number = d.current_revision`);
    await runner.query(`ALTER TABLE deployments ALTER COLUMN container_image SET NOT NULL, DROP COLUMN current_revision`);
    await createFirstRevisionTrigger(runner);
  }
}
