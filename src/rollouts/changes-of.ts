import { hashOf } from '../deployments/spec/asked-spec';
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
  /** What is beside the revisions, but for the number of replicas. */
  readonly settings: boolean;
  /** Whether a member of the body is part of a revision. */
  readonly ofRevision: (field: string) => boolean;
}

/** The members of a deploy body that are no part of a revision; those of `replicas` go their own way. */
const SETTINGS = ['region', 'placement_strategy', 'labels', 'rollout', 'routes', 'protected', 'protection_reason'];

/** Compares two wishes. Pure. */
export function changesOf(before: Wanted, wanted: Wanted): Changes {
  const found = differences(bodyOf(before), bodyOf(wanted));
  const isSetting = (field: string): boolean => SETTINGS.includes(field.split('.')[0] ?? '');
  return {
    differences: found,
    container: hashOf(before.spec.container) !== hashOf(wanted.spec.container),
    replicas: before.spec.replicas !== wanted.spec.replicas,
    settings: found.some(({ field }) => isSetting(field)),
    ofRevision: (field) => field !== 'replicas' && !isSetting(field),
  };
}
