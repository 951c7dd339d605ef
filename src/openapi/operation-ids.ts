/** Areas of controllers that are named after a part of our code instead of after what a client works with. */
const AREAS: Readonly<Record<string, string>> = {
  DeploymentCommands: 'deployments',
  DeploymentViews: 'deployments',
  DeployPreview: 'deployments',
  DeletionPreview: 'deployments',
  RestorePreview: 'deployments',
  PurgePreview: 'deployments',
  BulkPreview: 'deployments_bulk',
  BulkDeploy: 'deployments_bulk',
  PolicyPreviews: 'retention_policies',
  Deletions: 'deployments',
  Changes: 'deployments',
  ChangePreviews: 'deployments',
  NamedDeployments: 'deployments_named',
  Rollouts: 'deployments_rollout',
  Revisions: 'deployments',
  Protections: 'deployments',
  Restores: 'deployments',
  Purge: 'deployments',
  Bulk: 'deployments_bulk',
  ReplicaLogs: 'deployments_logs',
  ReplicaStats: 'deployments_stats',
  Members: 'project_members',
  Groups: 'project_groups',
  Move: 'deployments',
  Wait: 'deployments',
  DeploymentEvents: 'deployments_events',
  ClosedMetrics: 'metrics',
  PublicMetrics: 'metrics',
};

/**
 * The name of an operation in the document, from which generators make the names of a client: `<area>_<verb>` in snake_case,
 * such as `deployments_deploy`. The verb is the name of the controller's method.
 */
export function operationId(controller: string, method: string): string {
  const name = controller.replace(/Controller$/, '');
  return `${AREAS[name] ?? snakeCase(name)}_${snakeCase(method)}`;
}

const snakeCase = (name: string): string => name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
