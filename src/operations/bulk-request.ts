import { DomainError } from '../common/problem/domain-error';
import type { Actor } from '../common/request-context';
import { isUuid } from '../common/uuid';
import { readTime } from '../common/validation/time';
import { readTeardownOptions, type TeardownOptions } from '../deletions/teardown-options';
import { whoseToList } from '../common/visibility';
import type { BulkFilter } from './bulk-selection.repository';
import type { BulkDeleteRequestDto, BulkFilterDto } from './dto/bulk-delete-request.dto';
import type { BulkRestoreRequestDto } from './dto/bulk-restore-request.dto';

/** Either the ids of the request, each once, or the filter that finds them. */
export type Selection = { readonly ids: readonly string[] } | { readonly filter: BulkFilter };

/** A bulk delete as it was asked for. */
export interface BulkDeletionRequest {
  readonly selection: Selection;
  readonly options: TeardownOptions;
  readonly allOrNothing: boolean;
  /** How long the answer waits for the decisions. */
  readonly waitSeconds: number;
  /** The filter as the request had it; null: the request named ids. */
  readonly sentFilter: object | null;
}

/** A bulk restore as it was asked for. */
export interface BulkRestorationRequest {
  /** Either ids, each once, or the bulk deletion that is to be undone. */
  readonly selection: { readonly ids: readonly string[] } | { readonly undoes: string };
  /** How long the answer waits for the results. */
  readonly waitSeconds: number;
}

/**
 * Checks what concerns more than one field. Throws `validation_failed` for options that exclude each other, for ids and
 * a filter together or neither, and for a filter that would fit everything, which is never meant. Throws
 * `admin_required` for deployments of other users.
 */
export function readBulkDelete(body: BulkDeleteRequestDto, actor: Actor, defaults: { readonly graceSeconds: number }): BulkDeletionRequest {
  const { all_or_nothing: allOrNothing, wait: waitSeconds, filter } = body;
  const options = readTeardownOptions(body, 'body', defaults);
  return { selection: selectionOf(body, actor), options, allOrNothing, waitSeconds, sentFilter: filter ?? null };
}

/** Throws `validation_failed` for neither ids nor an operation, or both. */
export function readBulkRestore({ ids, operation_id: undoes, wait: waitSeconds }: BulkRestoreRequestDto): BulkRestorationRequest {
  if (ids !== undefined && undoes === undefined) return { selection: { ids: distinct(ids) }, waitSeconds };
  if (undoes !== undefined && ids === undefined) return { selection: { undoes }, waitSeconds };
  throw fault('', 'Give either ids or an operation_id');
}

function selectionOf({ ids, filter }: BulkDeleteRequestDto, actor: Actor): Selection {
  if (ids !== undefined && filter === undefined) return { ids: distinct(ids) };
  if (filter !== undefined && ids === undefined) return { filter: filterOf(filter, actor) };
  throw fault('', 'Give either ids or a filter');
}

function filterOf(filter: BulkFilterDto, actor: Actor): BulkFilter {
  const { status, name, created_after, created_before, labels, user_id, all_users, project } = filter;
  const narrow = [status, name, created_after, created_before, labels && Object.keys(labels)[0], user_id, project];
  if (narrow.every((value) => value === undefined)) throw fault('/filter', 'The filter must name at least one criterion');
  return {
    projectId: ownerOf(user_id, all_users, actor),
    project: project?.toLowerCase() ?? null,
    status: status ?? null,
    name: name ?? null,
    createdAfter: readTime(created_after, '/filter/created_after', fault),
    createdBefore: readTime(created_before, '/filter/created_before', fault),
    labels: labels ?? null,
  };
}

/** The personal project of the user; null: those of all users. */
function ownerOf(userId: string | undefined, all: boolean, actor: Actor): string | null {
  const owner = whoseToList({ userId, all }, actor, 'delete the deployments');
  if (userId !== undefined && !isUuid(userId)) throw fault('/filter/user_id', 'user_id must be a UUID');
  return owner;
}

const distinct = (ids: readonly string[]): string[] => [...new Set(ids.map((id) => id.toLowerCase()))];

const fault = (pointer: string, detail: string): DomainError =>
  new DomainError('validation_failed', detail, { errors: [{ pointer, detail }] });
