import { DomainError } from '../../common/problem/domain-error';
import type { Actor } from '../../common/request-context';
import { isUuid } from '../../common/uuid';
import { isCleanText } from '../../common/validation/text';
import { readTime } from '../../common/validation/time';
import { whoseToList } from '../../common/visibility';
import { DEPLOYMENT_STATUSES, type DeploymentStatus } from '../domain/deployment-status';
import { SORT_KEYS, type ListQueryDto, type SortKey } from '../dto/deployment-list.dto';
import { readNarrowing, type Narrowing } from './narrowing';

/** Where a page begins: after or before this row in the order. */
export interface Cursor {
  readonly value: string;
  readonly id: string;
  readonly backwards: boolean;
}

export interface ListQuery {
  /** In whose projects to look; null means all users. */
  readonly userId: string | null;
  /** The name or id of the one project to look in; null: in all of them. */
  readonly project: string | null;
  readonly status: DeploymentStatus | null;
  readonly name: string | null;
  readonly createdAfter: string | null;
  readonly createdBefore: string | null;
  readonly includeDeleted: boolean;
  readonly narrowing: Narrowing;
  readonly sortBy: SortKey;
  readonly sortOrder: 'asc' | 'desc';
  /** The only project that the credential reaches, and its role there at most; null: any. */
  readonly boundTo: Actor['boundTo'] | null;
  readonly limit: number;
  readonly offset: number;
  readonly cursor: Cursor | null;
}

/** Checks the members that have messages of their own, and whether the actor may see these users' deployments. */
export function readListQuery(dto: ListQueryDto, actor: Actor): ListQuery {
  const sortBy = oneOf(dto.sort_by ?? 'created_at', SORT_KEYS, 'Invalid sort_by. Must be one of: created_at, name, status', 'sort_by');
  const sortOrder = oneOf(dto.sort_order ?? 'desc', ['asc', 'desc'] as const, "Invalid sort_order. Must be 'asc' or 'desc'", 'sort_order');
  return {
    userId: ownerOf(dto, actor),
    project: dto.project?.toLowerCase() ?? null,
    boundTo: actor.boundTo ?? null,
    status:
      dto.status === undefined
        ? null
        : oneOf(dto.status, DEPLOYMENT_STATUSES, `Invalid status. Must be one of: ${DEPLOYMENT_STATUSES.join(', ')}`, 'status'),
    name: dto.name === undefined || dto.name === '' ? null : dto.name,
    createdAfter: readTime(dto.created_after, 'created_after', fault),
    createdBefore: readTime(dto.created_before, 'created_before', fault),
    includeDeleted: dto.include_deleted,
    narrowing: readNarrowing(dto),
    sortBy,
    sortOrder,
    limit: dto.limit,
    offset: dto.offset,
    cursor: dto.cursor === undefined ? null : decodeCursor(dto.cursor, sortBy),
  };
}

/** Opaque to clients. It names the order that it belongs to, so it cannot be used with another one. */
export const encodeCursor = (sortBy: SortKey, cursor: Cursor): string =>
  Buffer.from(JSON.stringify([sortBy, cursor.backwards, cursor.value, cursor.id])).toString('base64url');

function decodeCursor(text: string, sortBy: SortKey): Cursor {
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (Array.isArray(parts) && parts.length === 4) {
      const [key, backwards, value, id] = parts as unknown[];
      const fits = key === sortBy && typeof backwards === 'boolean' && typeof value === 'string' && typeof id === 'string' && isUuid(id);
      if (fits && (sortBy === 'created_at' ? MICROSECONDS.test(value) : isCleanText(value))) return { value, id, backwards };
    }
  } catch {
    // Every cursor that cannot be read gets the one answer below.
  }
  throw fault('cursor', 'Invalid cursor. Use one from the Link header of a page with the same sort_by');
}

/** Microseconds since 1970, up to the year 2286: every such number is a valid time. */
const MICROSECONDS = /^\d{1,16}$/;

/** Null means all users. Administrators see into every project that they name. */
function ownerOf({ user_id: userId, all_users: all, project }: ListQueryDto, actor: Actor): string | null {
  if (actor.isAdmin && project !== undefined && userId === undefined) return null;
  const owner = whoseToList({ userId, all }, actor, 'list the deployments');
  if (userId !== undefined && !isUuid(userId)) throw fault('user_id', 'Invalid user_id. Must be a UUID');
  return owner;
}

function oneOf<T extends string>(value: string, allowed: readonly T[], words: string, name: string): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw fault(name, words);
  return found;
}

const fault = (pointer: string, detail: string): DomainError =>
  new DomainError('invalid_request', detail, { errors: [{ pointer, detail }] });
