import { DomainError } from '../../common/problem/domain-error';
import type { PageQueryDto } from '../dto/page-query.dto';

/** Where a page of changes begins: after or before this change. The newest change comes first. */
export interface HistoryCursor {
  readonly id: string;
  readonly backwards: boolean;
}

export interface HistoryQuery {
  readonly includeDeleted: boolean;
  readonly limit: number;
  readonly offset: number;
  readonly cursor: HistoryCursor | null;
}

/** Throws `invalid_request` for a cursor that this program has not made. */
export const readHistoryQuery = (dto: PageQueryDto): HistoryQuery => ({
  includeDeleted: dto.include_deleted,
  limit: dto.limit,
  offset: dto.offset,
  cursor: dto.cursor === undefined ? null : decode(dto.cursor),
});

export const encodeHistoryCursor = ({ id, backwards }: HistoryCursor): string =>
  Buffer.from(`${backwards ? 'before' : 'after'} ${id}`).toString('base64url');

function decode(text: string): HistoryCursor {
  const [, place, id] = /^(after|before) (\d{1,18})$/.exec(Buffer.from(text, 'base64url').toString('latin1')) ?? [];
  if (id !== undefined) return { id, backwards: place === 'before' };
  const detail = 'Invalid cursor. Use one from the Link header of a page of the same history';
  throw new DomainError('invalid_request', detail, { errors: [{ pointer: 'cursor', detail }] });
}
