import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The spec of a deployment stands in its revisions from now on. All of this changes the catalogue only, so it takes no time on
 * tables of any size; the key is checked by the next migration. Programs of before must have ended: whatever they still write
 * is an error and changes nothing, since the columns that they name are gone.
 */
export class UseRevisions1795305620500 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TRIGGER tr_resources_first_revision ON deployment_resources`);
    await runner.query(`DROP FUNCTION make_first_revision(), first_revision_spec(deployments, deployment_resources)`);
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
}
