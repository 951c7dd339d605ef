import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { ListQuery } from './list-query';
import type { DeploymentStatus } from './domain/deployment-status';
import type { SortKey } from './dto/deployment-list.dto';

export interface ListRow {
  readonly id: string;
  readonly name: string;
  readonly status: DeploymentStatus;
  readonly targetReplicas: number;
  readonly runningReplicas: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** The sort value with the database's full precision, for the cursor. */
  readonly sortValue: string;
}

interface SortColumn {
  readonly column: string;
  /** The column as it goes into a cursor, and back. Times are whole microseconds: no text of a client can be a bad time. */
  readonly toCursor: string;
  readonly fromCursor: (parameter: string) => string;
}

const asText = (column: string): SortColumn => ({ column, toCursor: column, fromCursor: (parameter) => `${parameter}::text` });

/** The only columns that a list may be sorted by; a request chooses a key of this table and never a column. */
const SORT_COLUMNS: Readonly<Record<SortKey, SortColumn>> = {
  created_at: {
    column: 'd.created_at',
    toCursor: `(extract(epoch FROM d.created_at) * 1000000)::bigint::text`,
    fromCursor: (parameter) => `timestamptz 'epoch' + ${parameter}::bigint * interval '1 microsecond'`,
  },
  name: asText('d.name'),
  status: asText('d.status'),
};

export interface ListPage {
  /** In the order of the walk; one more than the limit when there is a further page. */
  readonly rows: ListRow[];
  readonly total: number;
}

/** Pages of deployments with their running replicas and the number of all: one statement a page. */
@Injectable()
export class DeploymentListRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  async page(query: ListQuery): Promise<ListPage> {
    const { column, toCursor, fromCursor } = SORT_COLUMNS[query.sortBy];
    const descending = (query.sortOrder === 'desc') !== (query.cursor?.backwards ?? false);
    const direction = descending ? 'DESC' : 'ASC';
    const { where, values } = filters(query);
    const add = (value: unknown): string => `$${values.push(value)}`;
    const beyond = query.cursor
      ? `AND (${column}, d.id) ${descending ? '<' : '>'} (${fromCursor(add(query.cursor.value))}, ${add(query.cursor.id)}::uuid)`
      : '';
    // The left join keeps the total of a page that is empty.
    const rows = await this.dataSource.query<((ListRow | { id: null }) & { total: number })[]>(
      `SELECT t.total, p.id, p.name, p.status, p.target_replicas AS "targetReplicas", p.created_at AS "createdAt",
              p.updated_at AS "updatedAt", p.sort_value AS "sortValue",
              (SELECT count(*)::int FROM deployment_replicas AS r WHERE r.deployment_id = p.id AND r.status = 'running') AS "runningReplicas"
         FROM (SELECT count(*)::int AS total FROM deployments AS d WHERE ${where}) AS t
         LEFT JOIN (SELECT d.id, d.name, d.status, d.target_replicas, d.created_at, d.updated_at, ${column} AS sort_key,
                           ${toCursor} AS sort_value
                      FROM deployments AS d WHERE ${where} ${beyond}
                     ORDER BY ${column} ${direction}, d.id ${direction}
                     LIMIT ${add(query.limit + 1)} OFFSET ${add(query.cursor ? 0 : query.offset)}) AS p ON true
        ORDER BY p.sort_key ${direction}, p.id ${direction}`,
      values,
    );
    return { rows: rows.filter((row): row is ListRow & { total: number } => row.id !== null), total: rows[0]?.total ?? 0 };
  }
}

function filters(query: ListQuery): { where: string; values: unknown[] } {
  const values: unknown[] = [];
  const add = (value: unknown): string => `$${values.push(value)}`;
  const conditions = [
    query.userId === null ? 'true' : `d.user_id = ${add(query.userId)}`,
    query.includeDeleted || query.status === 'deleted' ? 'true' : 'd.deleted_at IS NULL',
    query.status === null ? 'true' : `d.status = ${add(query.status)}`,
    query.name === null ? 'true' : `d.name ILIKE ${add(`%${escapeLike(query.name)}%`)}`,
    query.createdAfter === null ? 'true' : `d.created_at >= ${add(query.createdAfter)}::timestamptz`,
    query.createdBefore === null ? 'true' : `d.created_at < ${add(query.createdBefore)}::timestamptz + interval '1 millisecond'`,
  ];
  return { where: conditions.filter((condition) => condition !== 'true').join(' AND ') || 'true', values };
}

const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');
