import fc from 'fast-check';
import { DomainError } from '../../common/problem/domain-error';
import type { Actor } from '../../common/request-context';
import { DEPLOYMENT_STATUSES } from '../domain/deployment-status';
import { ListQueryDto, SORT_KEYS, type SortKey } from '../dto/deployment-list.dto';
import { encodeCursor, readListQuery, type ListQuery } from './list-query';

const OTHER = '0f8fad5b-d9cb-469f-a165-70867728950e';
const ada: Actor = { userId: 'ada', username: 'ada', isAdmin: false, readOnly: false, via: 'session', credentialId: 's1' };
const root: Actor = { ...ada, userId: 'root', isAdmin: true };
const read = (query: Partial<ListQueryDto> = {}, actor = ada): ListQuery => readListQuery(Object.assign(new ListQueryDto(), query), actor);
const refusal = (query: Partial<ListQueryDto>, actor = ada): string => {
  try {
    read(query, actor);
  } catch (error) {
    if (error instanceof DomainError) return `${error.status} ${error.detail}`;
    throw error;
  }
  return 'none';
};

describe('readListQuery', () => {
  it('shows the newest own ones first by default', () => {
    expect(read()).toEqual({
      userId: 'ada',
      boundTo: null,
      project: null,
      status: null,
      name: null,
      createdAfter: null,
      createdBefore: null,
      includeDeleted: false,
      narrowing: { labelNames: null, labels: null, type: null, image: null, health: null, nodeId: null },
      sortBy: 'created_at',
      sortOrder: 'desc',
      limit: 20,
      offset: 0,
      cursor: null,
    });
  });

  it.each(DEPLOYMENT_STATUSES)('filters by the status %s', (status) => {
    expect(read({ status }).status).toBe(status);
  });

  it('takes an empty name for none, and any other as it is', () => {
    expect([read({ name: '' }).name, read({ name: '100%_' }).name]).toEqual([null, '100%_']);
  });

  it('reads times with any offset as UTC', () => {
    expect(read({ created_after: '2026-01-31T13:00:00+01:00' }).createdAfter).toBe('2026-01-31T12:00:00.000Z');
    expect(read({ created_before: '2026-01-31' }).createdBefore).toBe('2026-01-31T00:00:00.000Z');
  });

  it.each([
    [{ status: 'gone' }, '400 Invalid status. Must be one of: pending, scheduled, running, stopped, failed, deleted'],
    [{ status: '' }, '400 Invalid status. Must be one of: pending, scheduled, running, stopped, failed, deleted'],
    [{ status: 'Running' }, '400 Invalid status. Must be one of: pending, scheduled, running, stopped, failed, deleted'],
    [{ sort_by: 'id' }, '400 Invalid sort_by. Must be one of: created_at, name, status'],
    [{ sort_by: 'toString' }, '400 Invalid sort_by. Must be one of: created_at, name, status'],
    [{ sort_order: 'DESC' }, "400 Invalid sort_order. Must be 'asc' or 'desc'"],
    [{ created_after: '20260131T120000Z' }, '400 Invalid created_after. Must be an ISO 8601 time such as 2026-01-31T12:00:00Z'],
    [{ created_before: '1969-12-31T23:59:59Z' }, '400 Invalid created_before. Must be an ISO 8601 time such as 2026-01-31T12:00:00Z'],
    [{ type: 'web' }, '400 Invalid type. Must be one of: compute, storage, gateway, mixnode'],
    [{ health: 'fine' }, '400 Invalid health. Must be one of: healthy, degraded, unhealthy'],
    [{ node_id: 'edge-1' }, '400 Invalid node_id. Must be a UUID'],
    [{ label: ['=edge'] }, '400 Invalid label. Must be name or name=value'],
    [{ label: ['team=a', 'team=b'] }, '400 Invalid label. team is asked for with two values'],
    [{ cursor: 'x' }, '400 Invalid cursor. Use one from the Link header of a page with the same sort_by'],
  ])('refuses %j', (query, words) => {
    expect(refusal(query)).toBe(words);
  });

  it('lets nobody but administrators see the deployments of others', () => {
    expect(refusal({ all_users: true })).toBe('403 Only administrators may list the deployments of others');
    expect(refusal({ user_id: OTHER })).toBe('403 Only administrators may list the deployments of others');
    expect(refusal({ user_id: 'no id' })).toBe('403 Only administrators may list the deployments of others');
  });

  it('shows administrators their own, those of one user, or all', () => {
    const whose = [
      read({}, root),
      read({ user_id: OTHER }, root),
      read({ all_users: true }, root),
      read({ all_users: true, user_id: OTHER }, root),
    ];
    expect(whose.map((query) => query.userId)).toEqual(['root', OTHER, null, OTHER]);
    expect(refusal({ user_id: 'no id' }, root)).toBe('400 Invalid user_id. Must be a UUID');
  });
});

describe('the cursor of a list', () => {
  const value = (sortBy: SortKey) =>
    sortBy === 'created_at' ? fc.stringMatching(/^\d{1,16}$/) : fc.stringMatching(/^[A-Za-z0-9._-]{1,100}$/);
  const drawn = fc
    .constantFrom(...SORT_KEYS)
    .chain((sortBy) =>
      fc.record({ sortBy: fc.constant(sortBy), cursor: fc.record({ value: value(sortBy), id: fc.uuid(), backwards: fc.boolean() }) }),
    );

  it('comes back as it was given', () => {
    fc.assert(
      fc.property(drawn, ({ sortBy, cursor }) => {
        const text = encodeCursor(sortBy, cursor);
        expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(text.length).toBeLessThanOrEqual(1000);
        expect(read({ sort_by: sortBy, cursor: text }).cursor).toEqual(cursor);
      }),
    );
  });

  it('serves no other order', () => {
    fc.assert(
      fc.property(drawn, fc.constantFrom(...SORT_KEYS), ({ sortBy, cursor }, other) => {
        fc.pre(other !== sortBy);
        expect(refusal({ sort_by: other, cursor: encodeCursor(sortBy, cursor) })).toMatch(/^400 Invalid cursor/);
      }),
    );
  });

  it.each([
    ['no id', ['name', false, 'web', 'x']],
    ['no direction', ['name', 'no', 'web', OTHER]],
    ['no text', ['name', false, 7, OTHER]],
    ['control characters', ['name', false, 'a\u0000b', OTHER]],
    ['too few parts', ['name', false, 'web']],
    ['too many parts', ['name', false, 'web', OTHER, 1]],
    ['a time in words', ['created_at', false, 'yesterday', OTHER]],
    ['a time that no database has', ['created_at', false, '9'.repeat(17), OTHER]],
    ['no list', { 0: 'name' }],
  ])('is refused with %s in it', (_name, parts) => {
    const cursor = Buffer.from(JSON.stringify(parts)).toString('base64url');
    expect(refusal({ sort_by: Array.isArray(parts) ? String(parts[0]) : 'name', cursor })).toMatch(/^400 Invalid cursor/);
  });

  it('is refused, never an error, whatever a client makes up', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.base64String(),
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
    );
    fc.assert(fc.property(texts, (cursor) => refusal({ cursor }).startsWith('400 Invalid cursor')));
  });
});
