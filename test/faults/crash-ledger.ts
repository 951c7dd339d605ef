import type { DataSource } from 'typeorm';
import type { Promised } from './crash-load';

interface Row {
  readonly id: string;
  readonly name: string;
  readonly deleted: boolean;
  readonly replicas: number;
}

type Ledger = ReadonlyMap<string, Promised>;

/** What was acknowledged but is not in the database: one line for each deployment whose last promise is broken. */
export async function lostPromises(dataSource: DataSource, ledger: Ledger): Promise<string[]> {
  const rows = await dataSource.query<Row[]>(
    `SELECT id, name, status = 'deleted' AS deleted, target_replicas AS replicas FROM deployments`,
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  return [...ledger.values()].flatMap((promised) => {
    const row = byId.get(promised.id);
    if (row === undefined) return [`${promised.name}: the deployment`];
    if (row.deleted !== promised.deleted) return [`${promised.name}: the ${promised.deleted ? 'deletion' : 'life'}`];
    return row.replicas === promised.replicas ? [] : [`${promised.name}: ${promised.replicas} replicas`];
  });
}

/**
 * What was done without being asked for, or more often than asked: deployments without a promise, second creations and
 * deletions.
 */
export async function doneTooOften(dataSource: DataSource, ledger: Ledger): Promise<string[]> {
  const rows = await dataSource.query<Row[]>(`SELECT id, name FROM deployments ORDER BY id`);
  const twice = await dataSource.query<{ id: string; status: string }[]>(
    `SELECT deployment_id AS id, new_status AS status FROM deployment_status_history
      WHERE old_status = 'none' OR new_status = 'deleted' GROUP BY 1, 2 HAVING count(*) > 1`,
  );
  return [
    ...rows.filter(({ id }) => !ledger.has(id)).map(({ name }) => `${name}: nobody was promised this`),
    ...twice.map(({ id, status }) => `${id}: ${status} twice`),
  ];
}
