import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { StatementBatcher } from '../../database/statement-batcher';
import { microsecondsOf, type JsonTime } from '../../database/json-time';
import { UNPREPARED } from '../../database/preparing-client';
import { isUuid } from '../../common/uuid';
import { contains } from './contains.sql';
import type { ListQuery } from './list-query';
import { keysOf, labelKeys, narrowed, replicaCounts } from './narrowing.sql';
import type { DeploymentStatus } from '../domain/deployment-status';
import type { HealthCounts } from '../domain/health';
import type { DeploymentType } from '../spec/deployment-spec';
import { AppConfig } from '../../config/app-config';
import { grants } from '../../rights/rights.sql';
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
  userId: string,
  type: DeploymentType,
  labels: Readonly<Record<string, string>>,
  image: string,
  working: number,
  failed: number,
  unsure: number,
  projectId: string,
  project: string,
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
  readonly userId: string;
  readonly type: DeploymentType;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
  readonly counts: HealthCounts;
  readonly projectId: string;
  /** The name of its project. */
  readonly project: string;
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

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
  ) {}

  /** A page over all users may take long, and one with rare filters has no other beside it, so each has a statement of its own. */
  async page(query: ListQuery): Promise<ListPage> {
    const { text, values } = statementOf(query, this.config.NODE_OFFLINE_AFTER_SECONDS);
    if (query.userId === null || query.project !== null || hasManyVariants(query)) return (await this.read(text, [values]))[0] ?? NOTHING;
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

/** With these filters there would be too many texts to keep a plan for each. */
const hasManyVariants = ({ createdAfter, createdBefore, narrowing }: ListQuery): boolean =>
  createdAfter !== null || createdBefore !== null || Object.values(narrowing).some((wanted) => wanted !== null);

/** Each parameter is an array with one value for each page that is asked for together; `asked` has a row for each page. */
function statementOf(query: ListQuery, offlineAfterSeconds: number): { text: string; values: readonly unknown[] } {
  const { column, type, fromCursor } = SORT_COLUMNS[query.sortBy];
  const descending = (query.sortOrder === 'desc') !== (query.cursor?.backwards ?? false);
  const direction = descending ? 'DESC' : 'ASC';
  const { where: shared, values, types } = filters({ ...query, projectId: null }, (index) => `asked.v${index}`);
  const add = (value: unknown, as: string): string => {
    types.push(as);
    return `asked.v${values.push(value)}`;
  };
  const reach = placesOf(query, add);
  const beyond = query.cursor
    ? `AND (${column}, d.id) ${descending ? '<' : '>'} (${fromCursor(add(query.cursor.value, type))}, ${add(query.cursor.id, 'uuid')})`
    : '';
  const [limit, offset] = [add(query.limit + 1, 'int'), add(query.cursor ? 0 : query.offset, 'int')];
  const seconds = add(offlineAfterSeconds, 'float8');
  const where = `${shared}${narrowed(query, { keys: reach.keys, seconds }, add)}`;
  const order = `${column} ${direction}, d.id ${direction}`;
  // What is narrowed is looked for once and not twice, since some filters look at every replica. What is not is read in order in each
  // project, no further than the page reaches.
  const isNarrowed = hasManyVariants(query);
  const found = isNarrowed ? 'fitting AS d WHERE true' : `${reach.from} WHERE ${where}`;
  const ahead =
    isNarrowed || reach.rows === null
      ? `${found} ${beyond}`
      : `reach CROSS JOIN LATERAL (
                       SELECT d.* FROM deployments AS d WHERE d.project_id = reach.project_id AND ${where} ${beyond}
                        ORDER BY ${order} LIMIT ${limit} + ${offset}) AS d`;
  const ctes = [
    ...(reach.rows === null ? [] : [`reach AS MATERIALIZED (${reach.rows})`]),
    ...(isNarrowed ? [`fitting AS MATERIALIZED (SELECT d.* FROM ${reach.from} WHERE ${where})`] : []),
  ];
  const text = `${isNarrowed || query.project !== null ? UNPREPARED : ''}
    SELECT asked.place::int AS place, page.total, page.rows
      FROM unnest(${types.map((as, index) => `$${index + 1}::${as}[]`).join(', ')}) WITH ORDINALITY
             AS asked(${types.map((_as, index) => `v${index + 1}`).join(', ')}, place)
     CROSS JOIN LATERAL (
    ${ctes.length > 0 ? `WITH ${ctes.join(',\n         ')}` : ''}
    SELECT (SELECT count(*)::int FROM ${found}) AS total,
           (SELECT json_agg(json_build_array(p.id, p.name, p.status, p.target_replicas, c.all_running, p.created_at,
                     p.updated_at, p.purge_at, p.user_id, p.type, p.labels,
                     (SELECT v.spec->>'image' FROM deployment_revisions AS v
                       WHERE v.deployment_id = p.id AND v.number = p.current_revision),
                     c.working, c.failed, c.unsure, p.project_id,
                     (SELECT o.name FROM projects AS o WHERE o.id = p.project_id)) ORDER BY p.place)
              FROM (SELECT d.*, row_number() OVER (ORDER BY ${order}) AS place
                      FROM ${ahead}
                     ORDER BY ${order} LIMIT ${limit} OFFSET ${offset}) AS p
             CROSS JOIN LATERAL (${replicaCounts('p', seconds)}) AS c) AS rows) AS page`;
  return { text, values };
}

/** Where a list looks: the projects of the user that it is about, or all. */
interface Reach {
  /** SQL for the ids of the projects, with the keys of the labels that are looked for there; null: nothing is left out. */
  readonly rows: string | null;
  /** What to read deployments `d` from. */
  readonly from: string;
  /** The keys of the labels that are looked for. */
  readonly keys: string;
}

/** The same rule as `readable`, from the side of the projects: a list reads no deployments of others to leave them out. */
function placesOf({ userId, project, boundTo, narrowing }: ListQuery, add: (value: unknown, as: string) => string): Reach {
  const isLabelled = narrowing.labels !== null || narrowing.labelNames !== null;
  const keys = isLabelled ? add(JSON.stringify(keysOf(narrowing.labelNames, narrowing.labels)), 'jsonb') : `'[]'::jsonb`;
  if (userId === null && project === null) return { rows: null, from: 'deployments AS d', keys: labelKeys(keys, null) };
  const conditions = [
    ...(userId === null ? [] : [`m.user_id = ${add(userId, 'uuid')}`, grants('deployment.read', boundTo?.role ?? null)]),
    ...(boundTo ? [`m.project_id = ${add(boundTo.projectId, 'uuid')}`] : []),
    ...(project === null
      ? []
      : [`(o.id = ${add(isUuid(project) ? project : null, 'uuid')} OR (o.name = ${add(project, 'text')} AND o.deleted_at IS NULL))`]),
  ];
  const [id, from] =
    project === null
      ? ['m.project_id', 'project_members AS m']
      : ['o.id', userId === null ? 'projects AS o' : 'projects AS o JOIN project_members AS m ON m.project_id = o.id'];
  return {
    rows: `
      SELECT ${id} AS project_id${isLabelled ? `, ${labelKeys(keys, id)} AS keys` : ''}
        FROM ${from} WHERE ${conditions.join(' AND ')}`,
    from: 'reach JOIN deployments AS d ON d.project_id = reach.project_id',
    keys: 'reach.keys',
  };
}

const toListRow = ([
  id,
  name,
  status,
  targetReplicas,
  runningReplicas,
  createdAt,
  updatedAt,
  purgeAt,
  userId,
  type,
  labels,
  image,
  working,
  failed,
  unsure,
  projectId,
  project,
]: Row): ListRow => ({
  id,
  name,
  status,
  targetReplicas,
  runningReplicas,
  createdAt,
  updatedAt,
  purgeAt,
  userId,
  type,
  labels,
  image,
  counts: { working, failed, unsure },
  projectId,
  project,
});

/**
 * The conditions over `deployments AS d` that a list and the selection of a bulk operation share. `place` writes the
 * placeholder of the n-th value, counted from 1.
 */
export function filters(
  query: Pick<ListQuery, 'includeDeleted' | 'status' | 'name' | 'createdAfter' | 'createdBefore'> & { readonly projectId: string | null },
  place: (index: number) => string = (index) => `$${index}`,
): { where: string; values: unknown[]; types: string[] } {
  const values: unknown[] = [];
  const types: string[] = [];
  const add = (value: unknown, type = 'text'): string => {
    types.push(type);
    return `${place(values.push(value))}::${type}`;
  };
  const conditions = [
    query.projectId === null ? 'true' : `d.project_id = ${add(query.projectId, 'uuid')}`,
    query.includeDeleted || query.status === 'deleted' ? 'true' : 'd.deleted_at IS NULL',
    query.status === null ? 'true' : `d.status = ${add(query.status)}`,
    query.name === null ? 'true' : `d.name ILIKE ${add(contains(query.name))}`,
    query.createdAfter === null ? 'true' : `d.created_at >= ${add(query.createdAfter, 'timestamptz')}`,
    query.createdBefore === null ? 'true' : `d.created_at < ${add(query.createdBefore, 'timestamptz')} + interval '1 millisecond'`,
  ];
  return { where: conditions.filter((condition) => condition !== 'true').join(' AND ') || 'true', values, types };
}
