import type { QueryRunner } from 'typeorm';

/**
 * A part of the migrations `CreateRevisions` and `UseRevisions`, and like them never edited: the trigger that makes
 * revision 1 of what programs of before the revisions deploy.
 */
export async function createFirstRevisionTrigger(runner: QueryRunner): Promise<void> {
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

export async function dropFirstRevisionTrigger(runner: QueryRunner): Promise<void> {
  await runner.query(`DROP TRIGGER tr_resources_first_revision ON deployment_resources`);
  await runner.query(`DROP FUNCTION make_first_revision(), first_revision_spec(deployments, deployment_resources)`);
}
