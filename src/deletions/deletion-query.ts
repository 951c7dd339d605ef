import { DomainError, type FieldFault } from '../common/problem/domain-error';
import type { DeletionOptions } from './deletion-decision';
import { parseKeepWarm } from './keep-warm';
import type { DeleteQueryDto } from './dto/delete-query.dto';

const WAIT_EXTRA_SECONDS = 5;
const MAX_WAIT_SECONDS = 60;

/** A delete as it was asked for. */
export interface DeletionRequest {
  readonly options: DeletionOptions;
  readonly dryRun: boolean;
  /** How long the answer waits for the teardown. */
  readonly waitSeconds: number;
  /** `Prefer: respond-async` was sent: the answer waits for nothing. */
  readonly isAsync: boolean;
}

interface DeletionHeaders {
  readonly 'if-match'?: string | undefined;
  readonly prefer?: string | string[] | undefined;
}

/** Checks what the single fields cannot: how the options go together. Throws `invalid_request` with all faults. */
export function readDeletionQuery(query: DeleteQueryDto, headers: DeletionHeaders, defaults: { graceSeconds: number }): DeletionRequest {
  const warm = query.keep_warm === undefined ? 0 : parseKeepWarm(query.keep_warm);
  const errors: FieldFault[] = [];
  if (warm === null) errors.push(fault('keep_warm', 'must be a time from 1s to 24h, such as 600s, 10m or 1h'));
  if (query.force && query.keep_warm !== undefined) errors.push(fault('keep_warm', 'does not go together with force'));
  if (query.force && (query.grace_seconds ?? 0) > 0)
    errors.push(fault('grace_seconds', 'must be 0 or absent with force: it kills at once'));
  if (errors[0]) throw new DomainError('invalid_request', errors[0].detail, { errors });

  const graceSeconds = query.force ? 0 : (query.grace_seconds ?? defaults.graceSeconds);
  const isAsync = prefersAsync(headers.prefer);
  return {
    options: {
      graceSeconds,
      force: query.force,
      keepWarmSeconds: warm ?? 0,
      ifMatch: headers['if-match'] ?? null,
      operationId: null,
    },
    dryRun: query.dry_run,
    waitSeconds: isAsync ? 0 : (query.wait ?? Math.min(MAX_WAIT_SECONDS, graceSeconds + WAIT_EXTRA_SECONDS)),
    isAsync,
  };
}

const fault = (name: string, words: string): FieldFault => ({ pointer: name, detail: `${name} ${words}` });

/** RFC 7240: a list of preferences, of which those that are not understood are ignored. */
function prefersAsync(prefer: string | string[] | undefined): boolean {
  return [prefer ?? []]
    .flat()
    .flatMap((line) => line.split(','))
    .some((preference) => preference.split(';')[0]?.trim().toLowerCase() === 'respond-async');
}
