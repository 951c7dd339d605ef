/**
 * The labels that tell which replica a container belongs to, and which owner a network or a container. They are its identity;
 * names are for people, and foreign containers and networks have no such labels.
 */
export const LABEL = {
  installation: 'fog-compute.installation',
  deployment: 'fog-compute.deployment',
  replica: 'fog-compute.replica',
  generation: 'fog-compute.generation',
  owner: 'fog-compute.owner',
  /** For people only: the reference of the image, since containers are made from its id. */
  image: 'fog-compute.image',
  /** What the container is made of (`specDigest`), and the digest of its image where one is chosen: an orphan is compared by them. */
  spec: 'fog-compute.spec',
  imageDigest: 'fog-compute.image-digest',
} as const;

/**
 * The labels of volumes of projects. They have no label of an installation as containers do: what carries that one and is in no
 * container is tidied away, also by processes of before.
 */
export const VOLUME_LABEL = {
  installation: 'fog-compute.volume-of',
  id: 'fog-compute.volume',
  /** For people only. */
  name: 'fog-compute.volume-name',
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
