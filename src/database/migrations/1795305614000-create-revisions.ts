import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createFirstRevisionTrigger, dropFirstRevisionTrigger } from './first-revision-trigger';

/**
 * Revisions: what the containers of a deployment are made of, numbered from 1. Programs of before this migration go on
 * to write specs into `deployments`; a trigger makes revision 1 of each until `UseRevisions` moves the rest.
 */
export class CreateRevisions1795305614000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE deployment_revisions (
        deployment_id uuid NOT NULL
          CONSTRAINT fk_deployment_revisions_deployment REFERENCES deployments (id) ON DELETE RESTRICT,
        number        integer NOT NULL CONSTRAINT ck_deployment_revisions_number CHECK (number >= 1),
        spec          jsonb NOT NULL,
        created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
        created_by    uuid CONSTRAINT fk_deployment_revisions_user REFERENCES users (id) ON DELETE RESTRICT,
        CONSTRAINT pk_deployment_revisions PRIMARY KEY (deployment_id, number)
      )`);
    await runner.query(`
      CREATE TRIGGER tr_revisions_rows BEFORE UPDATE ON deployment_revisions FOR EACH ROW EXECUTE FUNCTION refuse_change()`);
    await runner.query(`
      CREATE TRIGGER tr_revisions_purge BEFORE DELETE ON deployment_revisions FOR EACH ROW EXECUTE FUNCTION guard_history_purge()`);
    await runner.query(`ALTER TABLE deployment_replicas ADD COLUMN revision integer NOT NULL DEFAULT 1`);
    await createFirstRevisionTrigger(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropFirstRevisionTrigger(runner);
    await runner.query(`ALTER TABLE deployment_replicas DROP COLUMN revision`);
    await runner.query(`DROP TABLE deployment_revisions`);
  }
}
