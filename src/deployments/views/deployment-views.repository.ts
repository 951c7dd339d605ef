import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Actor } from '../../common/request-context';
import { reachOf } from '../../rights/reach';
import { readable } from '../../rights/rights.sql';
import { AppConfig } from '../../config/app-config';
import { hasRouters } from '../../config/has-routers';
import { StatementBatcher } from '../../database/statement-batcher';
import { askedRoutesOf } from '../../routing/routes.sql';
import type { PlacementStrategy } from '../../scheduling/place.types';
import type { StoredExplanation } from '../placement/explanation-codec';
import type { DeploymentType } from '../spec/deployment-spec';
import type { AskedRoute } from '../../routing/hosts/asked-route';
import { storedContainerOf, type StoredContainer } from '../spec/container-vault';
import { visibleContainer, type VisibleContainer } from '../spec/spec-codec';
import type { HistoryQuery } from './history-query';
import type { RolloutPolicy } from '../domain/rollout';
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
  /** As stored: what is missing has its default. */
  readonly policy: Partial<RolloutPolicy>;
  /** The spec of the current revision. */
  readonly container: VisibleContainer;
  /** As they were asked for, in their canonical form. */
  readonly routes: readonly AskedRoute[];
  /** With its values, which are shown only as hashes. */
  readonly stored: StoredContainer;
  readonly placements: readonly { cause: string; createdAt: IsoTime; explanation: StoredExplanation }[];
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

/** How much a status shows: deleted deployments too, and so many replicas of the past. */
export interface StatusShown {
  readonly includeDeleted: boolean;
  readonly finished: number;
}

interface StatusQuery extends StatusShown {
  readonly id: string;
  readonly userId: string;
  readonly reach: string;
}

type Sight = Pick<StatusQuery, 'id' | 'userId' | 'reach'>;

/** Reads the views of one deployment. One statement per view, whatever the number of replicas. */
@Injectable()
export class DeploymentViewsRepository {
  private readonly statuses = new StatementBatcher<StatusQuery, StatusView>((queries) => this.readStatuses(queries));

  private readonly sights = new StatementBatcher<Sight, boolean>((asked) => this.readSights(asked));

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
  ) {}

  /** Null when the deployment is missing, foreign, or deleted and `includeDeleted` is false. */
  status(id: string, actor: Actor, shown: StatusShown): Promise<StatusView | null> {
    return this.statuses.get({ id, userId: actor.userId, reach: reachOf(actor), ...shown });
  }

  /** False when the deployment is there and the actor may not see it, deleted or not. Many at once are asked in one statement. */
  async sees(id: string, actor: Actor): Promise<boolean> {
    return (await this.sights.get({ id, userId: actor.userId, reach: reachOf(actor) })) ?? false;
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
      [id, actor.userId, reachOf(actor), includeDeleted, limit + 1, cursor ? 0 : offset, cursor?.id ?? null],
    );
    const [first] = rows;
    return first ? { rows: rows.filter((row): row is HistoryRow & { total: number } => row.newStatus !== null), total: first.total } : null;
  }

  private async readSights(asked: readonly Sight[]): Promise<boolean[]> {
    const rows = await this.dataSource.query<{ sees: boolean }[]>(SIGHTS, [
      asked.map(({ id }) => id),
      asked.map(({ userId }) => userId),
      asked.map(({ reach }) => reach),
    ]);
    return rows.map(({ sees }) => sees);
  }

  private async readStatuses(queries: readonly StatusQuery[]): Promise<(StatusView | null)[]> {
    const rows = await this.dataSource.query<StatusRow[]>(STATUS, [
      queries.map(({ id }) => id),
      queries.map(({ userId }) => userId),
      queries.map(({ reach }) => reach),
      queries.map(({ includeDeleted }) => includeDeleted),
      this.config.NODE_OFFLINE_AFTER_SECONDS,
      queries.map(({ finished }) => finished),
      hasRouters(this.config),
    ]);
    const views = queries.map((): StatusView | null => null);
    for (const row of rows) views[row.place - 1] = toStatusView(row);
    return views;
  }
}

/** $1 deployments, $2 who looks at each, $3 what the credential reaches. */
const SIGHTS = `
  SELECT NOT EXISTS (SELECT 1 FROM deployments AS d
                      WHERE d.id = asked.id AND NOT ${readable('d', 'asked.user_id', 'asked.reach')}) AS sees
    FROM unnest($1::uuid[], $2::uuid[], $3::text[]) WITH ORDINALITY AS asked(id, user_id, reach, place) ORDER BY place`;

const iso = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** $1 deployment, $2 the caller, $3 what its credential reaches, $4 whether deleted ones are shown. */
const VISIBLE = `d.id = $1 AND ${readable('d', '$2', '$3')} AND (d.deleted_at IS NULL OR $4)`;

/** $1 deployment. */
const DETAIL = `
  SELECT d.type, d.user_id AS "userId", d.generation, d.region, d.placement_strategy AS "placementStrategy", d.labels,
         d.rollout_policy AS policy,
         ${visibleContainer('v.spec')} AS container, ${storedContainerOf('v')} AS stored,
         ${askedRoutesOf('d')} AS routes,
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
