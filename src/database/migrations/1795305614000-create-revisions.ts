import type { MigrationInterface, QueryRunner } from 'typeorm';

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
    await runner.query(`
      CREATE FUNCTION first_revision_spec(d deployments, r deployment_resources) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
        SELECT jsonb_build_object(
          'image', d.container_image, 'command', d.command, 'env', d.env, 'ports', d.ports, 'healthCheck', d.health_check,
          'resources', jsonb_build_object('cpuCores', r.cpu_cores::float8, 'memoryMb', r.memory_mb,
                                          'gpuUnits', r.gpu_units, 'storageGb', r.storage_gb))
      $$`);
    await runner.query(`
      CREATE FUNCTION make_first_revision() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO deployment_revisions (deployment_id, number, spec, created_at, created_by)
        SELECT d.id, 1, first_revision_spec(d, r), d.created_at, d.user_id
          FROM deployments AS d JOIN deployment_resources AS r ON r.deployment_id = d.id WHERE d.id = NEW.deployment_id
            ON CONFLICT DO NOTHING;
        RETURN NULL;
      END $$`);
    await runner.query(`
      CREATE TRIGGER tr_resources_first_revision AFTER INSERT ON deployment_resources
        FOR EACH ROW EXECUTE FUNCTION make_first_revision()`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TRIGGER tr_resources_first_revision ON deployment_resources`);
    await runner.query(`DROP FUNCTION make_first_revision(), first_revision_spec(deployments, deployment_resources)`);
    await runner.query(`ALTER TABLE deployment_replicas DROP COLUMN revision`);
    await runner.query(`DROP TABLE deployment_revisions`);
  }
}
