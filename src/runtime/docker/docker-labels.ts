/**
 * The labels that tell which replica a container belongs to. They are its identity; names are for people, and foreign
 * containers have no such labels.
 */
export const LABEL = {
  installation: 'fog-compute.installation',
  deployment: 'fog-compute.deployment',
  replica: 'fog-compute.replica',
  generation: 'fog-compute.generation',
} as const;

/**
 * Users' labels get this prefix, so that they can neither pass for ours nor steer other software on the machine that reads
 * labels, such as reverse proxies and updaters.
 */
export const USER_LABEL_PREFIX = 'fog-compute.label.';

export const labelFilters = (wanted: { installationId: string; deploymentId?: string; replicaId?: string }): string[] => [
  `${LABEL.installation}=${wanted.installationId}`,
  ...(wanted.deploymentId === undefined ? [] : [`${LABEL.deployment}=${wanted.deploymentId}`]),
  ...(wanted.replicaId === undefined ? [] : [`${LABEL.replica}=${wanted.replicaId}`]),
];
