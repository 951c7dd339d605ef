import { DomainError, type FieldFault } from '../common/problem/domain-error';
import type { Actor } from '../common/request-context';
import { isUuid } from '../common/uuid';
import { readTime } from '../common/validation/time';
import { whoseToList } from '../common/visibility';
import type { BulkFilter } from './bulk-selection.repository';
import { parseKeepWarm } from '../deletions/keep-warm';
import type { BulkDeleteRequestDto, BulkFilterDto } from './dto/bulk-delete-request.dto';
import type { BulkOptions } from './operation.types';

/** Either the ids of the request, each once, or the filter that finds them. */
export type Selection = { readonly ids: string[]; readonly filter?: undefined } | { readonly ids?: undefined; readonly filter: BulkFilter };

/** Throws `validation_failed` for neither or both, and for a filter that would fit everything: that is never what one meant. */
export function selectionOf({ ids, filter }: BulkDeleteRequestDto, actor: Actor): Selection {
  if ((ids === undefined) === (filter === undefined)) throw fault('', 'Give either ids or a filter');
  if (ids !== undefined) return { ids: [...new Set(ids.map((id) => id.toLowerCase()))] };
  return { filter: filterOf(filter as BulkFilterDto, actor) };
}

function filterOf(filter: BulkFilterDto, actor: Actor): BulkFilter {
  const { status, name, created_after, created_before, labels, user_id, all_users } = filter;
  const narrow = [status, name, created_after, created_before, labels && Object.keys(labels)[0], user_id];
  if (narrow.every((value) => value === undefined)) throw fault('/filter', 'The filter must name at least one criterion');
  return {
    userId: ownerOf(user_id, all_users, actor),
    status: status ?? null,
    name: name ?? null,
    createdAfter: readTime(created_after, '/filter/created_after', fault),
    createdBefore: readTime(created_before, '/filter/created_before', fault),
    labels: labels ?? null,
  };
}

/** Null: of all users. */
function ownerOf(userId: string | undefined, all: boolean, actor: Actor): string | null {
  const owner = whoseToList({ userId, all }, actor, 'delete the deployments');
  if (userId !== undefined && !isUuid(userId)) throw fault('/filter/user_id', 'user_id must be a UUID');
  return owner;
}

export function bulkOptionsOf(request: BulkDeleteRequestDto, { STOP_GRACE_SECONDS }: { STOP_GRACE_SECONDS: number }): BulkOptions {
  const warm = request.keep_warm === undefined ? 0 : parseKeepWarm(request.keep_warm);
  if (warm === null) throw fault('/keep_warm', 'keep_warm must be a duration of at most 24 h such as 90s, 10m or 2h');
  if (warm > 0 && request.force) throw fault('/keep_warm', 'keep_warm and force exclude each other');
  return { graceSeconds: request.grace_seconds ?? STOP_GRACE_SECONDS, force: request.force, keepWarmSeconds: warm };
}

function fault(pointer: string, detail: string): DomainError {
  const errors: FieldFault[] = [{ pointer, detail }];
  return new DomainError('validation_failed', detail, { errors });
}
