import { isDeepStrictEqual } from 'node:util';
import type { Held } from '../config/quota-list';
import { OF_REPLICAS } from '../deployments/quota';
import type { Wanted } from './change.types';
import { differences, type Difference } from './differences';
import { bodyOf } from './wanted';

/** What a change would change, and what that takes. */
export interface Changes {
  readonly differences: readonly Difference[];
  /** A new revision. */
  readonly container: boolean;
  /** A scale. */
  readonly replicas: boolean;
  /** How many replicas there are to be, or where: what may let a deployment succeed that has failed. */
  readonly places: boolean;
  /** What is beside the revisions, but for the number of replicas. */
  readonly settings: boolean;
  /** What quotas count of which there may be more. */
  readonly grows: readonly Held[];
  /** Whether a member of the body is part of a revision. */
  readonly ofRevision: (field: string) => boolean;
}

/** The members of a deploy body that are no part of a revision; those of `replicas` go their own way. */
const SETTINGS = ['region', 'placement_strategy', 'labels', 'rollout', 'routes', 'protected', 'protection_reason'];

const OF_VOLUMES: readonly Held[] = ['volumes', 'storage_gb'];

/** Compares two wishes. Pure. */
export function changesOf(before: Wanted, wanted: Wanted): Changes {
  const found = differences(bodyOf(before), bodyOf(wanted));
  const isOf = (members: readonly string[]) => (field: string) => members.includes(field.split('.')[0] ?? '');
  const touches = (...members: string[]): boolean => found.some(({ field }) => isOf(members)(field));
  const isSetting = isOf(SETTINGS);
  return {
    differences: found,
    container: !isDeepStrictEqual(before.spec.container, wanted.spec.container),
    replicas: before.spec.replicas !== wanted.spec.replicas,
    places: touches('replicas', 'region', 'placement_strategy'),
    settings: found.some(({ field }) => isSetting(field)),
    grows: ['stored_bytes', ...(touches('replicas', 'resources', 'ports') ? OF_REPLICAS : []), ...(touches('volumes') ? OF_VOLUMES : [])],
    ofRevision: (field) => field !== 'replicas' && !isSetting(field),
  };
}
