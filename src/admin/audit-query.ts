import { DomainError } from '../common/problem/domain-error';
import type { AuditQueryDto } from './audit-log.dto';

/** Where a page begins: after this row, or before it. The newest row is the first. */
export interface AuditCursor {
  readonly id: string;
  readonly backwards: boolean;
}

/** The columns that a request may filter by, with the values it asks for. Times are bounds, all others are equal. */
export interface AuditFilters {
  readonly actorId?: string;
  readonly action?: string;
  readonly resourceType?: string;
  readonly resourceId?: string;
  readonly outcome?: string;
  readonly requestId?: string;
  readonly after?: string;
  readonly before?: string;
}

export interface AuditQuery {
  readonly filters: AuditFilters;
  readonly limit: number;
  readonly cursor: AuditCursor | null;
}

/** Throws `invalid_request` for a time that is none and for a cursor that is not ours. */
export const readAuditQuery = (dto: AuditQueryDto): AuditQuery => ({
  filters: {
    actorId: dto.actor,
    action: dto.action,
    resourceType: dto.resource_type,
    resourceId: dto.resource_id,
    outcome: dto.outcome,
    requestId: dto.request_id,
    after: time(dto.after, 'after'),
    before: time(dto.before, 'before'),
  },
  limit: dto.limit,
  cursor: dto.cursor === undefined ? null : decode(dto.cursor),
});

export const encodeAuditCursor = ({ id, backwards }: AuditCursor): string =>
  Buffer.from(`audit ${backwards ? 'before' : 'after'} ${id}`).toString('base64url');

function decode(text: string): AuditCursor {
  const [, place, id] = /^audit (after|before) (\d{1,18})$/.exec(Buffer.from(text, 'base64url').toString('latin1')) ?? [];
  if (id !== undefined) return { id, backwards: place === 'before' };
  throw fault('cursor', 'Invalid cursor. Use one from the Link header of an earlier page');
}

function time(text: string | undefined, name: string): string | undefined {
  if (text === undefined) return undefined;
  const year = new Date(text).getUTCFullYear();
  if (Number.isNaN(year) || year < 1970 || year > 9999)
    throw fault(name, `Invalid ${name}. Must be an ISO 8601 time such as 2026-01-31T12:00:00Z`);
  return new Date(text).toISOString();
}

const fault = (pointer: string, detail: string): DomainError =>
  new DomainError('invalid_request', detail, { errors: [{ pointer, detail }] });
