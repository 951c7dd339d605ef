/** Who a container belongs to. The labels are its identity: names are for people, and foreign containers have no such labels. */
export const LABEL = {
  installation: 'fog-compute.installation',
  deployment: 'fog-compute.deployment',
  replica: 'fog-compute.replica',
  generation: 'fog-compute.generation',
} as const;

/**
 * Users' labels live under this prefix: they can neither pose as ours nor steer other software on the machine that reads
 * labels (reverse proxies, updaters).
 */
export const USER_LABEL_PREFIX = 'fog-compute.label.';

export const labelFilters = (wanted: { installationId: string; deploymentId?: string; replicaId?: string }): string[] => [
  `${LABEL.installation}=${wanted.installationId}`,
  ...(wanted.deploymentId === undefined ? [] : [`${LABEL.deployment}=${wanted.deploymentId}`]),
  ...(wanted.replicaId === undefined ? [] : [`${LABEL.replica}=${wanted.replicaId}`]),
];
