import type { DeletionOptions } from './deletion-decision';
import type { DeleteQueryDto } from './dto/delete-query.dto';
import { readTeardownOptions } from './teardown-options';

const WAIT_EXTRA_SECONDS = 5;
const MAX_WAIT_SECONDS = 60;

/** The options of a delete request. */
export interface DeletionRequest {
  readonly options: DeletionOptions;
  readonly dryRun: boolean;
  /** For how many seconds the request waits for the teardown. */
  readonly waitSeconds: number;
  /** True when `Prefer: respond-async` was sent: the request does not wait. */
  readonly isAsync: boolean;
}

interface DeletionHeaders {
  readonly 'if-match'?: string | undefined;
  readonly prefer?: string | string[] | undefined;
}

/**
 * Reads the query and headers of a delete, with their defaults. Throws `invalid_request` when the options exclude each other.
 */
export function readDeletionQuery(query: DeleteQueryDto, headers: DeletionHeaders, defaults: { graceSeconds: number }): DeletionRequest {
  const teardown = readTeardownOptions(query, 'query', defaults);
  const isAsync = prefersAsync(headers.prefer);
  return {
    options: { ...teardown, ifMatch: headers['if-match'] ?? null, operationId: null },
    dryRun: query.dry_run,
    waitSeconds: isAsync ? 0 : (query.wait ?? Math.min(MAX_WAIT_SECONDS, teardown.graceSeconds + WAIT_EXTRA_SECONDS)),
    isAsync,
  };
}

/** RFC 7240: a list of preferences; unknown ones are ignored. */
function prefersAsync(prefer: string | string[] | undefined): boolean {
  return [prefer ?? []]
    .flat()
    .flatMap((line) => line.split(','))
    .some((preference) => preference.split(';')[0]?.trim().toLowerCase() === 'respond-async');
}
