import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Actor } from '../../common/request-context';
import { visibleTo } from '../../common/visibility';
import { AppConfig } from '../../config/app-config';
import { StatementBatcher } from '../../database/statement-batcher';
import type { PlacementExplanation, PlacementStrategy } from '../../scheduling/place.types';
import type { DeploymentType } from '../spec/deployment-spec';
import { visibleContainer, type VisibleContainer } from '../spec/spec-codec';
import type { HistoryQuery } from './history-query';
import { NO_STATUS, type DeploymentStatus } from '../domain/deployment-status';
import { STATUS, toStatusView, type StatusRow, type StatusView } from './status-view.sql';

/** Times inside JSON are text: ISO 8601, UTC, milliseconds. */
type IsoTime = string;

/** What the detail view shows in addition to the status. */
export interface DetailView {
  readonly type: DeploymentType;
  readonly userId: string;
  readonly generation: number;
  readonly region: string;
  readonly placementStrategy: PlacementStrategy;
  readonly labels: Record<string, string>;
  /** The spec of the current revision. */
  readonly container: VisibleContainer;
  readonly placements: readonly { cause: string; createdAt: IsoTime; explanation: PlacementExplanation }[];
}

export interface HistoryRow {
  readonly id: string;
  readonly oldStatus: DeploymentStatus | typeof NO_STATUS;
  readonly newStatus: DeploymentStatus;
  readonly reason: string;
  readonly changedBy: string | null;
  readonly requestId: string | null;
  readonly changedAt: Date;
}

interface StatusQuery {
  readonly id: string;
  readonly userId: string;
  readonly isAdmin: boolean;
  readonly includeDeleted: boolean;
}

/** Reads the views of one deployment. One statement per view, whatever the number of replicas. */
@Injectable()
export class DeploymentViewsRepository {
  private readonly statuses = new StatementBatcher<StatusQuery, StatusView>((queries) => this.readStatuses(queries));

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
  ) {}

  /** Null when the deployment is missing, foreign, or deleted and `includeDeleted` is false. */
  status(id: string, actor: Actor, includeDeleted: boolean): Promise<StatusView | null> {
    return this.statuses.get({ id, userId: actor.userId, isAdmin: actor.isAdmin, includeDeleted });
  }

  async detail(id: string): Promise<DetailView | null> {
    const [row] = await this.dataSource.query<DetailView[]>(DETAIL, [id]);
    return row ?? null;
  }

  /**
   * Null as with `status`. Otherwise the changes in the order of reading, one more than the limit if there is one, and the
   * number of all.
   */
  async history(
    id: string,
    actor: Actor,
    { includeDeleted, limit, offset, cursor }: HistoryQuery,
  ): Promise<{ rows: HistoryRow[]; total: number } | null> {
    const rows = await this.dataSource.query<((HistoryRow | { newStatus: null }) & { total: number })[]>(
      historySql(cursor?.backwards ?? false),
      [id, actor.userId, actor.isAdmin, includeDeleted, limit + 1, cursor ? 0 : offset, cursor?.id ?? null],
    );
    const [first] = rows;
    return first ? { rows: rows.filter((row): row is HistoryRow & { total: number } => row.newStatus !== null), total: first.total } : null;
  }

  private async readStatuses(queries: readonly StatusQuery[]): Promise<(StatusView | null)[]> {
    const rows = await this.dataSource.query<StatusRow[]>(STATUS, [
      queries.map(({ id }) => id),
      queries.map(({ userId }) => userId),
      queries.map(({ isAdmin }) => isAdmin),
      queries.map(({ includeDeleted }) => includeDeleted),
      this.config.NODE_OFFLINE_AFTER_SECONDS,
    ]);
    const views = queries.map((): StatusView | null => null);
    for (const row of rows) views[row.place - 1] = toStatusView(row);
    return views;
  }
}

const iso = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** $1 deployment, $2 the caller, $3 whether that is an administrator, $4 whether deleted ones are shown. */
const VISIBLE = `d.id = $1 AND ${visibleTo('d', '$2', '$3')} AND (d.deleted_at IS NULL OR $4)`;

/** $1 deployment. */
const DETAIL = `
  SELECT d.type, d.user_id AS "userId", d.generation, d.region, d.placement_strategy AS "placementStrategy", d.labels,
         ${visibleContainer('v.spec')} AS container,
         (SELECT coalesce(json_agg(json_build_object('cause', p.cause, 'createdAt', ${iso('p.created_at')},
                   'explanation', p.explanation) ORDER BY p.created_at DESC), '[]')
            FROM (SELECT * FROM placements WHERE deployment_id = d.id ORDER BY created_at DESC LIMIT 10) AS p) AS placements
    FROM deployments AS d JOIN deployment_revisions AS v ON v.deployment_id = d.id AND v.number = d.current_revision
   WHERE d.id = $1`;

/**
 * For a page beyond the end, the left join leaves one row of NULLs, which tells it from a deployment that the actor may not
 * see.
 */
const historySql = (backwards: boolean): string => `
  SELECT h.id, h.old_status AS "oldStatus", h.new_status AS "newStatus", h.reason, h.changed_by AS "changedBy",
         h.request_id AS "requestId", h.changed_at AS "changedAt",
         (SELECT count(*)::int FROM deployment_status_history WHERE deployment_id = d.id) AS total
    FROM deployments AS d
    LEFT JOIN LATERAL (SELECT * FROM deployment_status_history
                        WHERE deployment_id = d.id AND ($7::bigint IS NULL OR id ${backwards ? '>' : '<'} $7)
                        ORDER BY id ${backwards ? 'ASC' : 'DESC'} LIMIT $5 OFFSET $6) AS h ON true
   WHERE ${VISIBLE}
   ORDER BY h.id ${backwards ? 'ASC' : 'DESC'}`;
