import { randomUUID } from 'node:crypto';
import type { EntityManager, DataSource } from 'typeorm';
import type { ContainerSpec } from '../../src/engines/container-spec';
import type { Resources } from '../../src/engines/resources';

type Database = Pick<DataSource | EntityManager, 'query'>;
type Values = Readonly<Record<string, unknown>>;

/** Inserts one row past the application and returns its id. Objects are stored as JSON. */
export async function insertRow(database: Database, table: string, values: Values): Promise<string> {
  const names = Object.keys(values);
  const parameters = Object.values(values).map((value) =>
    typeof value === 'object' && value !== null && !(value instanceof Date) ? JSON.stringify(value) : value,
  );
  const rows = await database.query<Record<string, string>[]>(
    `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map((_, i) => `$${i + 1}`).join(', ')}) RETURNING *`,
    parameters,
  );
  return rows[0]?.id ?? '';
}

const tag = (): string => randomUUID().slice(0, 8);

export function aUser(database: Database, values: Values = {}): Promise<string> {
  const name = `user-${tag()}`;
  return insertRow(database, 'users', { username: name, email: `${name}@example.org`, password_hash: 'none', ...values });
}

/** A node that is online and simulated, with 16 cores, 32768 MB, 2 GPU units and 500 GB. */
export function aNode(database: Database, values: Values = {}): Promise<string> {
  const size = { cpu_cores: 16, memory_mb: 32_768, gpu_units: 2, storage_gb: 500 };
  return insertRow(database, 'nodes', {
    name: `node-${tag()}`,
    region: 'us-east',
    runtime: 'simulated',
    last_heartbeat: new Date(),
    ...size,
    ...values,
  });
}

/**
 * A deployment as the API leaves it: with its revision, its resources row, its first history row and, if deleted, the record of
 * that.
 */
export async function aDeployment(
  database: Database,
  { container = {}, ...values }: Values & { user_id: string; container?: Partial<ContainerSpec> },
): Promise<string> {
  const spec = {
    name: `web-${tag()}`,
    type: 'compute',
    target_replicas: 1,
    region: 'us-east',
    status: 'running',
  };
  const kept = values.deleted_at instanceof Date ? { purge_at: new Date(values.deleted_at.getTime() + 30 * 86_400_000) } : {};
  const row = { ...spec, ...kept, ...values };
  const id = await insertRow(database, 'deployments', row);
  await aRevision(database, { deployment_id: id, spec: container });
  await insertRow(database, 'deployment_resources', { deployment_id: id, cpu_cores: 1, memory_mb: 512, gpu_units: 0, storage_gb: 10 });
  await aChange(database, { deployment_id: id, old_status: 'none', new_status: row.status });
  if (row.status === 'deleted') {
    const at = { decided_at: values.deleted_at, completed_at: values.deleted_at };
    await insertRow(database, 'deletions', {
      deployment_id: id,
      generation: 1,
      grace_seconds: 0,
      retention_policy: '30 days, the default',
      ...at,
    });
  }
  return id;
}

/** The spec of its containers: by default revision 1, with 1 core and 512 MB. */
function aRevision(
  database: Database,
  { spec, ...values }: Values & { deployment_id: string; spec?: Partial<ContainerSpec> },
): Promise<string> {
  const resources = { cpuCores: 1, memoryMb: 512, gpuUnits: 0, storageGb: 10 };
  const container: ContainerSpec = { image: 'nginx:1.27', command: null, env: {}, resources, ports: [], healthCheck: null, ...spec };
  return insertRow(database, 'deployment_revisions', { number: 1, spec: container, ...values });
}

/** Gives a deployment another revision that differs in `change`, as a change of its image would, and returns its number. */
export async function revise(database: Database, deploymentId: string, change: Partial<ContainerSpec>): Promise<number> {
  const rows = await database.query<{ revision: number }[]>(
    `INSERT INTO deployment_revisions (deployment_id, number, spec)
     SELECT d.id, d.current_revision + 1, v.spec || $2 FROM deployments AS d
       JOIN deployment_revisions AS v ON v.deployment_id = d.id AND v.number = d.current_revision
      WHERE d.id = $1 RETURNING number AS revision`,
    [deploymentId, JSON.stringify(change)],
  );
  const revision = rows[0]?.revision ?? 0;
  await database.query(`UPDATE deployments SET current_revision = $2, version = version + 1 WHERE id = $1`, [deploymentId, revision]);
  return revision;
}

/**
 * Changes the image of a deployment past the guard that keeps revisions unchanged, as if the image were no longer available.
 */
export async function swapImage(dataSource: DataSource, deploymentId: string, image: string): Promise<void> {
  await dataSource.transaction(async (tx) => {
    await tx.query(`SET LOCAL session_replication_role = replica`);
    await tx.query(`UPDATE deployment_revisions SET spec = spec || jsonb_build_object('image', $2::text) WHERE deployment_id = $1`, [
      deploymentId,
      image,
    ]);
  });
}

export function aChange(
  database: Database,
  values: Values & { deployment_id: string; old_status: string; new_status: unknown },
): Promise<string> {
  return insertRow(database, 'deployment_status_history', { reason: 'for a test', ...values });
}

export function aReplica(database: Database, values: Values & { deployment_id: string; node_id: string }): Promise<string> {
  return insertRow(database, 'deployment_replicas', { generation: 1, status: 'running', ...values });
}

/** A replica with its open reservation, in one statement, as neither may exist without the other. */
export async function aPlacedReplica(
  database: Database,
  replica: { deployment_id: string; node_id: string; status?: string },
  amount: Partial<Resources> = {},
): Promise<string> {
  const { cpuCores = 1, memoryMb = 512, gpuUnits = 0, storageGb = 10 } = amount;
  const [row] = await database.query<{ id: string }[]>(
    `WITH replica AS (
       INSERT INTO deployment_replicas (deployment_id, node_id, generation, status) VALUES ($1, $2, 1, $3) RETURNING *)
     INSERT INTO reservations (replica_id, deployment_id, node_id, cpu_cores, memory_mb, gpu_units, storage_gb)
     SELECT id, deployment_id, node_id, $4, $5, $6, $7 FROM replica RETURNING replica_id AS id`,
    [replica.deployment_id, replica.node_id, replica.status ?? 'running', cpuCores, memoryMb, gpuUnits, storageGb],
  );
  return row?.id ?? '';
}
