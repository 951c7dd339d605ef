import { DomainError } from '../common/problem/domain-error';
import { readTime } from '../common/validation/time';
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

/** Throws `invalid_request` for a text that is not a time and for a cursor that this API has not given out. */
export const readAuditQuery = (dto: AuditQueryDto): AuditQuery => ({
  filters: {
    actorId: dto.actor,
    action: dto.action,
    resourceType: dto.resource_type,
    resourceId: dto.resource_id,
    outcome: dto.outcome,
    requestId: dto.request_id,
    after: readTime(dto.after, 'after', fault) ?? undefined,
    before: readTime(dto.before, 'before', fault) ?? undefined,
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

const fault = (pointer: string, detail: string): DomainError =>
  new DomainError('invalid_request', detail, { errors: [{ pointer, detail }] });
