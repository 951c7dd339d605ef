import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { StatementBatcher } from '../../database/statement-batcher';
import { microsecondsOf, type JsonTime } from '../../database/json-time';
import { UNPREPARED } from '../../database/preparing-client';
import type { ListQuery } from './list-query';
import type { DeploymentStatus } from '../domain/deployment-status';
import type { SortKey } from '../dto/deployment-list.dto';

type Row = readonly [
  id: string,
  name: string,
  status: DeploymentStatus,
  targetReplicas: number,
  runningReplicas: number,
  createdAt: JsonTime,
  updatedAt: JsonTime,
  purgeAt: JsonTime | null,
];

export interface ListRow {
  readonly id: string;
  readonly name: string;
  readonly status: DeploymentStatus;
  readonly targetReplicas: number;
  readonly runningReplicas: number;
  readonly createdAt: JsonTime;
  readonly updatedAt: JsonTime;
  readonly purgeAt: JsonTime | null;
}

export interface ListPage {
  /** In the order of reading; one row more than the limit when there is another page. */
  readonly rows: ListRow[];
  readonly total: number;
}

interface SortColumn {
  readonly column: string;
  /**
   * Writes the sort value into a cursor, and reads it back. Times are whole microseconds, so that no text of a client can be an
   * invalid time.
   */
  readonly toCursor: (row: ListRow) => string;
  readonly type: 'text' | 'bigint';
  readonly fromCursor: (parameter: string) => string;
}

/** The only columns that a list may be sorted by: a request names a key of this table, never a column. */
const SORT_COLUMNS: Readonly<Record<SortKey, SortColumn>> = {
  created_at: {
    column: 'd.created_at',
    toCursor: ({ createdAt }) => microsecondsOf(createdAt),
    type: 'bigint',
    fromCursor: (parameter) => `timestamptz 'epoch' + ${parameter} * interval '1 microsecond'`,
  },
  name: { column: 'd.name', toCursor: ({ name }) => name, type: 'text', fromCursor: (parameter) => parameter },
  status: { column: 'd.status', toCursor: ({ status }) => status, type: 'text', fromCursor: (parameter) => parameter },
};

/** The sort value of a row, with the database's full precision. */
export const sortValueOf = (sortBy: SortKey, row: ListRow): string => SORT_COLUMNS[sortBy].toCursor(row);

/**
 * Pages of deployments with their running replicas and the total number. One statement per page, or for several pages whose
 * statements have the same text.
 */
@Injectable()
export class DeploymentListRepository {
  /**
   * The batchers, by the text of their statement: requests at the same time differ in their values, seldom in their filters.
   */
  private readonly together = new Map<string, StatementBatcher<readonly unknown[], ListPage>>();

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** A page over all users may take long, so it has a statement of its own. */
  async page(query: ListQuery): Promise<ListPage> {
    const { text, values } = statementOf(query);
    if (query.userId === null) return (await this.read(text, [values]))[0] ?? NOTHING;
    let reads = this.together.get(text);
    if (!reads) this.together.set(text, (reads = new StatementBatcher((asked) => this.read(text, asked))));
    return (await reads.get(values)) ?? NOTHING;
  }

  private async read(text: string, asked: readonly (readonly unknown[])[]): Promise<ListPage[]> {
    const columns = asked[0]?.map((_value, index) => asked.map((values) => values[index]));
    const found = await this.dataSource.query<{ place: number; total: number; rows: Row[] | null }[]>(text, columns);
    const pages = asked.map(() => NOTHING);
    for (const { place, total, rows } of found) pages[place - 1] = { total, rows: (rows ?? []).map(toListRow) };
    return pages;
  }
}

const NOTHING: ListPage = { rows: [], total: 0 };

/** Each parameter is an array with one value for each page that is asked for together; `asked` has a row for each page. */
function statementOf(query: ListQuery): { text: string; values: readonly unknown[] } {
  const { column, type, fromCursor } = SORT_COLUMNS[query.sortBy];
  const descending = (query.sortOrder === 'desc') !== (query.cursor?.backwards ?? false);
  const direction = descending ? 'DESC' : 'ASC';
  const { where, values, types } = filters(query, (index) => `asked.v${index}`);
  const add = (value: unknown, as: string): string => {
    types.push(as);
    return `asked.v${values.push(value)}`;
  };
  const beyond = query.cursor
    ? `AND (${column}, d.id) ${descending ? '<' : '>'} (${fromCursor(add(query.cursor.value, type))}, ${add(query.cursor.id, 'uuid')})`
    : '';
  const [limit, offset] = [add(query.limit + 1, 'int'), add(query.cursor ? 0 : query.offset, 'int')];
  // With times there would be too many variants to keep a plan for each.
  const hasTimes = query.createdAfter !== null || query.createdBefore !== null;
  const text = `${hasTimes ? UNPREPARED : ''}
    SELECT asked.place::int AS place, (SELECT count(*)::int FROM deployments AS d WHERE ${where}) AS total,
           (SELECT json_agg(json_build_array(p.id, p.name, p.status, p.target_replicas,
                     (SELECT count(*) FROM deployment_replicas AS r WHERE r.deployment_id = p.id AND r.status = 'running'),
                     p.created_at, p.updated_at, p.purge_at))
              FROM (SELECT d.id, d.name, d.status, d.target_replicas, d.created_at, d.updated_at, d.purge_at
                      FROM deployments AS d WHERE ${where} ${beyond}
                     ORDER BY ${column} ${direction}, d.id ${direction} LIMIT ${limit} OFFSET ${offset}) AS p) AS rows
      FROM unnest(${types.map((as, index) => `$${index + 1}::${as}[]`).join(', ')}) WITH ORDINALITY
             AS asked(${types.map((_as, index) => `v${index + 1}`).join(', ')}, place)`;
  return { text, values };
}

const toListRow = ([id, name, status, targetReplicas, runningReplicas, createdAt, updatedAt, purgeAt]: Row): ListRow => ({
  id,
  name,
  status,
  targetReplicas,
  runningReplicas,
  createdAt,
  updatedAt,
  purgeAt,
});

/**
 * The conditions over `deployments AS d` that a list and the selection of a bulk operation share. `place` writes the
 * placeholder of the n-th value, counted from 1.
 */
export function filters(
  query: Omit<ListQuery, 'sortBy' | 'sortOrder' | 'limit' | 'offset' | 'cursor'>,
  place: (index: number) => string = (index) => `$${index}`,
): { where: string; values: unknown[]; types: string[] } {
  const values: unknown[] = [];
  const types: string[] = [];
  const add = (value: unknown, type = 'text'): string => {
    types.push(type);
    return `${place(values.push(value))}::${type}`;
  };
  const conditions = [
    query.userId === null ? 'true' : `d.user_id = ${add(query.userId, 'uuid')}`,
    query.includeDeleted || query.status === 'deleted' ? 'true' : 'd.deleted_at IS NULL',
    query.status === null ? 'true' : `d.status = ${add(query.status)}`,
    query.name === null ? 'true' : `d.name ILIKE ${add(`%${escapeLike(query.name)}%`)}`,
    query.createdAfter === null ? 'true' : `d.created_at >= ${add(query.createdAfter, 'timestamptz')}`,
    query.createdBefore === null ? 'true' : `d.created_at < ${add(query.createdBefore, 'timestamptz')} + interval '1 millisecond'`,
  ];
  return { where: conditions.filter((condition) => condition !== 'true').join(' AND ') || 'true', values, types };
}

const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');
