export interface PurgedTable {
  readonly table: string;
  /** The column that holds the deployment's id. */
  readonly column: string;
}

/**
 * The tables whose rows are removed with their deployment, children before parents. A test compares the list with the
 * foreign keys of the database. Audit rows, events and deliveries stay: they have their own retention.
 */
export const PURGED_TABLES: readonly PurgedTable[] = [
  { table: 'deployment_routes', column: 'deployment_id' },
  { table: 'route_tables', column: 'deployment_id' },
  { table: 'kept_logs', column: 'deployment_id' },
  { table: 'replica_checks', column: 'deployment_id' },
  { table: 'reservations', column: 'deployment_id' },
  { table: 'deployment_replicas', column: 'deployment_id' },
  { table: 'deployment_rollouts', column: 'deployment_id' },
  { table: 'deployment_revisions', column: 'deployment_id' },
  { table: 'placements', column: 'deployment_id' },
  { table: 'deployment_status_history', column: 'deployment_id' },
  { table: 'deletions', column: 'deployment_id' },
  { table: 'deployment_resources', column: 'deployment_id' },
  { table: 'deployment_troubles', column: 'deployment_id' },
  { table: 'deployments', column: 'id' },
];

/** How many rows a purge removes, or would remove, by table. */
export type PurgedRows = Readonly<Record<string, number>>;
