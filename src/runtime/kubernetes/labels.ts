import { createHash } from 'node:crypto';
import type { V1ObjectMeta } from '@kubernetes/client-node';
import { specDigest } from '../../engines/spec-digest';
import type { RegistryCredential } from '../../engines/registry-credential';
import type { WorkloadSpec } from '../runtime-driver';

/** Labels and annotations that begin so are ours alone. */
export const OURS = 'fog-compute/';

/** The labels that tell whose an object of a cluster is. They are its identity; objects of others have no such labels. */
export const LABEL = {
  installation: 'fog-compute/installation',
  deployment: 'fog-compute/deployment',
  replica: 'fog-compute/replica',
  generation: 'fog-compute/generation',
  owner: 'fog-compute/owner',
  node: 'fog-compute/node',
  /** The id of a volume of a project. */
  volume: 'fog-compute/volume',
  /** The same for replicas that are made of the same, such as those of one revision. */
  content: 'fog-compute/content',
} as const;

/** What a Job is made of (`specDigest`), of which image, and of which digest of it: an orphan is compared by them. */
export const MADE_OF = { spec: 'fog-compute/spec', image: 'fog-compute/image', imageDigest: 'fog-compute/image-digest' } as const;

/** Users' labels get this prefix, so that they can neither pass for ours nor steer other software in the cluster. */
const USER_LABEL_PREFIX = 'label.fog-compute/';
/** Users' labels that a cluster does not take as labels, as JSON. */
const OTHER_LABELS = 'fog-compute/labels';

const KEY = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const VALUE = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;

/** Who shares what a cluster keeps apart, such as its networks. */
export const tenantOf = ({ ownerId }: Pick<WorkloadSpec, 'ownerId'>): Record<string, string> => ({ [LABEL.owner]: ownerId });

/** Of what a replica is made, short enough for a label. */
export const contentOf = (spec: WorkloadSpec): string => specDigest(spec).slice(0, 16);

/** Where something is made: by which installation, and for which node. */
export interface Maker {
  readonly installationId: string;
  readonly nodeId: string;
}

/** The labels and annotations of everything that is made for a replica. */
export function metaOf(spec: WorkloadSpec, { installationId, nodeId }: Maker): Required<Pick<V1ObjectMeta, 'labels' | 'annotations'>> {
  const users = Object.entries(spec.labels);
  const fits = ([key, value]: [string, string]): boolean => KEY.test(key) && VALUE.test(value);
  const others = users.filter((entry) => !fits(entry));
  return {
    labels: {
      ...Object.fromEntries(users.filter(fits).map(([key, value]) => [`${USER_LABEL_PREFIX}${key}`, value])),
      [LABEL.installation]: installationId,
      [LABEL.deployment]: spec.deploymentId,
      [LABEL.replica]: spec.replicaId,
      [LABEL.generation]: String(spec.generation),
      [LABEL.node]: nodeId,
      [LABEL.content]: contentOf(spec),
      ...tenantOf(spec),
    },
    annotations: {
      ...(others.length === 0 ? {} : { [OTHER_LABELS]: JSON.stringify(Object.fromEntries(others)) }),
      [MADE_OF.spec]: specDigest(spec),
      [MADE_OF.image]: spec.image,
      ...(spec.imageDigest == null ? {} : { [MADE_OF.imageDigest]: spec.imageDigest }),
    },
  };
}

/** The label selector for what is ours, or for the part of it that is of one deployment or replica. */
export const selectorOf = (wanted: { installationId: string; deploymentId?: string; replicaId?: string }): string =>
  [
    `${LABEL.installation}=${wanted.installationId}`,
    ...(wanted.deploymentId === undefined ? [] : [`${LABEL.deployment}=${wanted.deploymentId}`]),
    ...(wanted.replicaId === undefined ? [] : [`${LABEL.replica}=${wanted.replicaId}`]),
  ].join(',');

/**
 * The name of the Job of a replica. It is the same for every attempt, so that of two creations at once one fails, and
 * installations that share a namespace do not meet: the id of a replica is random.
 */
export const objectName = (replicaId: string): string => `fog-${replicaId}`;

/** The name of the Secret with the environment of replicas that are made of the same. */
export const secretName = (spec: WorkloadSpec): string => `fog-${spec.deploymentId}-${contentOf(spec)}`;

/** The name of the Secret with which their image is pulled. Another password is in another Secret. */
export const pullSecretName = (spec: WorkloadSpec, { revision }: RegistryCredential): string =>
  `${secretName(spec)}-${createHash('sha256').update(revision).digest('hex').slice(0, 8)}`;
