import { DomainError, type FieldFault } from '../common/problem/domain-error';
import { toPointer } from '../common/validation/pointer';
import { parseKeepWarm } from './keep-warm';

/** The most seconds that a container may get to end by itself. */
export const MAX_GRACE_SECONDS = 300;

/** The most characters of `keep_warm`; every valid value is shorter. */
export const MAX_KEEP_WARM_LENGTH = 10;

/** How the containers of a deleted deployment end. */
export interface TeardownOptions {
  /** The seconds between asking a container to end and killing it, 0..300. */
  readonly graceSeconds: number;
  /** Kills at once. If an administrator asks, replicas on nodes that do not answer are force-released too. */
  readonly force: boolean;
  /** For how many seconds running containers are kept suspended for a restore; 0 means not at all. */
  readonly keepWarmSeconds: number;
}

/** The same members as a request spells them. */
interface AskedTeardown {
  readonly grace_seconds?: number;
  readonly force: boolean;
  readonly keep_warm?: string;
}

/**
 * Where the options are: in the query of a single delete, in the body of a bulk delete. The kind of a fault and its pointer
 * follow from it.
 */
const PLACES = {
  query: { code: 'invalid_request', pointerTo: (name: string): string => name },
  body: { code: 'validation_failed', pointerTo: toPointer },
} as const;

/**
 * Checks how the members go together. Absent members get their defaults, and force sets the grace time to 0. Throws all faults
 * at once: `invalid_request` for a query, `validation_failed` for a body.
 */
export function readTeardownOptions(
  { grace_seconds: grace, force, keep_warm: keepWarm }: AskedTeardown,
  place: keyof typeof PLACES,
  defaults: { readonly graceSeconds: number },
): TeardownOptions {
  const { code, pointerTo } = PLACES[place];
  const errors: FieldFault[] = [];
  const refuse = (name: keyof AskedTeardown, words: string): unknown =>
    errors.push({ pointer: pointerTo(name), detail: `${name} ${words}` });

  const warm = keepWarm === undefined ? 0 : parseKeepWarm(keepWarm);
  if (warm === null) refuse('keep_warm', 'must be a time from 1s to 24h, such as 600s, 10m or 1h');
  if (force && keepWarm !== undefined) refuse('keep_warm', 'does not go together with force');
  if (force && (grace ?? 0) > 0) refuse('grace_seconds', 'must be 0 or absent with force: it kills at once');
  if (errors[0]) throw new DomainError(code, errors[0].detail, { errors });
  return { graceSeconds: force ? 0 : (grace ?? defaults.graceSeconds), force, keepWarmSeconds: warm ?? 0 };
}
