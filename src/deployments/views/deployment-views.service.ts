import { Injectable } from '@nestjs/common';
import type { Actor } from '../../common/request-context';
import { isoTime } from '../../database/json-time';
import { DeploymentListRepository, sortValueOf, type ListRow } from './deployment-list.repository';
import { DeploymentViewsRepository, type DetailView, type HistoryRow } from './deployment-views.repository';
import { healthOf } from '../domain/health';
import type { DeploymentDetailDto } from '../dto/deployment-detail.dto';
import type { DeploymentListItemDto } from '../dto/deployment-list.dto';
import type { DeploymentStatusDto, HistoryEntryDto } from '../dto/deployment-status.dto';
import { PlacementExplanationDto } from '../dto/placement.dto';
import { etagOf } from '../etag';
import { showContainer } from '../spec/spec-codec';
import { encodeHistoryCursor, type HistoryQuery } from './history-query';
import { encodeCursor, type ListQuery } from './list-query';
import { deploymentNotFound } from '../refusals';
import type { StatusView } from './status-view.sql';
import { walkedPage } from '../../common/http/walked-page';

export interface Page<T> {
  readonly items: T[];
  readonly total: number;
  /** The query values of the neighbouring pages; absent when there is none. */
  readonly next?: { cursor: string };
  readonly prev?: { cursor: string };
}

/** A view with the entity tag of what it shows, for `If-Match`. */
export interface Tagged<T> {
  readonly body: T;
  readonly etag: string;
}

/** Reads the views of deployments. Every method throws the same `not_found` for missing, foreign and deleted ones. */
@Injectable()
export class DeploymentViewsService {
  constructor(
    private readonly views: DeploymentViewsRepository,
    private readonly lists: DeploymentListRepository,
  ) {}

  async status(id: string, actor: Actor, includeDeleted: boolean): Promise<Tagged<DeploymentStatusDto>> {
    const view = await this.views.status(id, actor, includeDeleted);
    if (!view) throw deploymentNotFound(id);
    return { body: toStatus(view), etag: etagOf(view.version) };
  }

  async detail(id: string, actor: Actor, includeDeleted: boolean): Promise<Tagged<DeploymentDetailDto>> {
    const { body, etag } = await this.status(id, actor, includeDeleted);
    const detail = await this.views.detail(id);
    if (!detail) throw deploymentNotFound(id);
    return { body: { ...body, ...toDetail(detail) }, etag };
  }

  async history(id: string, actor: Actor, query: HistoryQuery): Promise<Page<HistoryEntryDto>> {
    const found = await this.views.history(id, actor, query);
    if (!found) throw deploymentNotFound(id);
    const { rows, hasNext, hasPrev } = walkedPage(found.rows, { ...query, backwards: query.cursor?.backwards ?? null });
    const edge = (row: HistoryRow | undefined, backwards: boolean): { cursor: string } | undefined =>
      row && { cursor: encodeHistoryCursor({ id: row.id, backwards }) };
    return {
      items: rows.map(toHistoryEntry),
      total: found.total,
      next: hasNext ? edge(rows.at(-1), false) : undefined,
      prev: hasPrev ? edge(rows[0], true) : undefined,
    };
  }

  async list(query: ListQuery): Promise<Page<DeploymentListItemDto>> {
    const { rows: walked, total } = await this.lists.page(query);
    const { rows, hasNext, hasPrev } = walkedPage(walked, { ...query, backwards: query.cursor?.backwards ?? null });
    const edge = (row: ListRow | undefined, towardsStart: boolean): { cursor: string } | undefined =>
      row && { cursor: encodeCursor(query.sortBy, { value: sortValueOf(query.sortBy, row), id: row.id, backwards: towardsStart }) };
    return {
      items: rows.map(toListItem),
      total,
      next: hasNext ? edge(rows.at(-1), false) : undefined,
      prev: hasPrev ? edge(rows[0], true) : undefined,
    };
  }
}

function toStatus(view: StatusView): DeploymentStatusDto {
  const counted = view.replicas.filter((replica) => replica.counts);
  const { health, reasons } = healthOf(
    counted.map(({ status, reason, nodeName, online }) => ({ status, reason, nodeName, confirmed: online })),
    view.targetReplicas,
  );
  return {
    deployment_id: view.id,
    name: view.name,
    status: view.status,
    health,
    health_reasons: [...reasons],
    target_replicas: view.targetReplicas,
    replicas: view.replicas.map((replica) => ({
      id: replica.id,
      node_id: replica.nodeId,
      status: replica.status,
      container_id: replica.containerId,
      started_at: replica.startedAt,
      stopped_at: replica.stoppedAt,
      node_name: replica.nodeName,
      runtime: replica.runtime,
      confirmed: replica.online,
      observed_at: replica.observedAt,
      reason: replica.reason,
      attempt: replica.attempt,
      ports: replica.published.map((port) => ({
        container_port: port.containerPort,
        protocol: port.protocol,
        host_ip: port.hostIp,
        host_port: port.hostPort,
      })),
    })),
    resources: view.resources,
    recent_status_changes: [...view.changes],
    work: view.work,
    created_at: view.createdAt,
    updated_at: view.updatedAt,
    stuck_since: (view.deletedAt === null ? null : view.work?.stuck_since) ?? null,
    protected: view.protectionReason !== null,
    protection_reason: view.protectionReason,
    legal_hold: view.legalHold,
    deleted_at: view.deletedAt,
    purge_at: view.purgeAt,
  };
}

const toDetail = (detail: DetailView): Omit<DeploymentDetailDto, keyof DeploymentStatusDto> => ({
  ...showContainer(detail.container),
  type: detail.type,
  region: detail.region,
  placement_strategy: detail.placementStrategy,
  labels: detail.labels,
  user_id: detail.userId,
  generation: detail.generation,
  placements: detail.placements.map(({ cause, createdAt, explanation }) => ({
    ...PlacementExplanationDto.from(explanation),
    cause,
    created_at: createdAt,
  })),
});

const toHistoryEntry = (row: HistoryRow): HistoryEntryDto => ({
  old_status: row.oldStatus,
  new_status: row.newStatus,
  changed_at: row.changedAt.toISOString(),
  reason: row.reason,
  changed_by: row.changedBy,
  request_id: row.requestId,
});

const toListItem = (row: ListRow): DeploymentListItemDto => ({
  id: row.id,
  name: row.name,
  status: row.status,
  target_replicas: row.targetReplicas,
  running_replicas: row.runningReplicas,
  created_at: isoTime(row.createdAt),
  updated_at: isoTime(row.updatedAt),
  ...(row.purgeAt === null ? {} : { purge_at: isoTime(row.purgeAt) }),
});
