import { Injectable } from '@nestjs/common';
import type { Actor } from '../../common/request-context';
import { SecretBox } from '../../common/crypto/secret-box';
import { isoTime } from '../../database/json-time';
import { entranceAddress } from '../../engines/cluster-entrance';
import { RouteUrls } from '../../routing/route-urls';
import { DeploymentListRepository, sortValueOf, type ListRow } from './deployment-list.repository';
import { DeploymentViewsRepository, type DetailView, type HistoryRow, type StatusShown } from './deployment-views.repository';
import { gradeOf, healthOf } from '../domain/health';
import { unreachedWords } from '../domain/reach';
import type { DeploymentDetailDto, ReadBackDto } from '../dto/deployment-detail.dto';
import type { DeploymentListItemDto } from '../dto/deployment-list.dto';
import type { DeploymentStatusDto, HistoryEntryDto } from '../dto/deployment-status.dto';
import { PlacementExplanationDto } from '../dto/placement.dto';
import { etagOf } from '../etag';
import { decodeExplanation } from '../placement/explanation-codec';
import { askedSpec, hashedSpec, hashOf } from '../spec/asked-spec';
import { ContainerVault } from '../spec/container-vault';
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
    private readonly secrets: SecretBox,
    private readonly vault: ContainerVault,
    private readonly urls: RouteUrls,
  ) {}

  /** Whether an open request may go on to show the deployment. What is purged is nobody's secret. */
  sees(id: string, actor: Actor): Promise<boolean> {
    return this.views.sees(id, actor);
  }

  async status(id: string, actor: Actor, shown: StatusShown): Promise<Tagged<DeploymentStatusDto>> {
    const view = await this.views.status(id, actor, shown);
    if (!view) throw deploymentNotFound(id);
    return { body: toStatus(view, this.urls), etag: etagOf(view.version) };
  }

  async detail(id: string, actor: Actor, shown: StatusShown): Promise<Tagged<DeploymentDetailDto>> {
    const { body, etag } = await this.status(id, actor, shown);
    const detail = await this.views.detail(id);
    if (!detail) throw deploymentNotFound(id);
    const asked = askedSpec(body, detail);
    const envHashes = this.envHashes(id, this.vault.open(detail.stored, id).env);
    const readBack = { spec: asked, env_hashes: envHashes, spec_hash: hashOf({ asked: hashedSpec(asked), envHashes }) };
    return { body: { ...body, ...toDetail(detail), ...readBack }, etag };
  }

  /** Values of `env` can be compared with those of earlier, and not be guessed. */
  private envHashes(id: string, env: Readonly<Record<string, string>>): Record<string, string> {
    const names = Object.keys(env).sort();
    return Object.fromEntries(names.map((name) => [name, this.secrets.fingerprint(env[name] ?? '', `env ${id} ${name}`)]));
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

function toStatus(view: StatusView, urls: RouteUrls): DeploymentStatusDto {
  const counted = view.replicas.filter((replica) => replica.counts);
  const { health, reasons } = healthOf(
    counted.map(({ status, reason, nodeName, online, pausedAt, completed, healthy }) => ({
      status,
      reason,
      nodeName,
      confirmed: online,
      paused: pausedAt !== null,
      completed,
      healthy,
    })),
    view.targetReplicas,
  );
  const waiting = health === 'healthy' ? [] : whyNotPlaced(view);
  return {
    deployment_id: view.id,
    id: view.id,
    name: view.name,
    status: view.status,
    health,
    health_reasons: [...new Set([...reasons, ...(urls.hasRouters ? unreached(view) : []), ...waiting])],
    target_replicas: view.targetReplicas,
    revision: view.revision,
    rollout: view.rollout,
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
      healthy: replica.healthy,
      reason: replica.reason ?? whyNotWell(replica),
      paused: replica.pausedAt !== null,
      attempt: replica.attempt,
      revision: replica.revision,
      ports: replica.published.map((port) => ({
        container_port: port.containerPort,
        protocol: port.protocol,
        host_ip: port.hostIp,
        host_port: port.hostPort,
      })),
    })),
    routes: view.routes.map(({ host, pathPrefix, port, removed, backends }) => ({
      host,
      path_prefix: pathPrefix,
      port,
      url: urls.of(host, pathPrefix),
      ...(removed ? { state: 'removed', backends: 0 } : { state: backends === 0 ? 'waiting' : 'active', backends }),
      cluster_endpoints: removed ? [] : clusterEndpoints(view, port),
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
    project_id: view.projectId,
    project: view.project,
  };
}

/** Where Pods of the clusters that run replicas of it reach a port. */
function clusterEndpoints({ id: deploymentId, replicas }: Pick<StatusView, 'id' | 'replicas'>, port: number): string[] {
  const addresses = replicas.flatMap(({ status, nodeId, namespace, published }) =>
    status === 'running' && namespace !== null && published.some(({ containerPort }) => containerPort === port)
      ? [entranceAddress({ deploymentId, nodeId, namespace, port })]
      : [],
  );
  return [...new Set(addresses)];
}

/** Which of the replicas that run and count take no requests for the routes, as no router reaches them. */
function unreached({ replicas, routes }: Pick<StatusView, 'replicas' | 'routes'>): string[] {
  const ports = routes.filter(({ removed }) => !removed).map(({ port }) => port);
  return unreachedWords(
    replicas.filter(({ counts, status, online }) => counts && status === 'running' && online),
    ports,
  );
}

function whyNotWell({ pausedAt, healthy, checkReason }: StatusView['replicas'][number]): string | null {
  if (pausedAt !== null) return `Paused on its node since ${pausedAt}`;
  return healthy === true ? null : checkReason;
}

/** Why there are too few replicas: what a failed deployment failed of, or what keeps the background from going on. */
function whyNotPlaced({ status, changes, work }: StatusView): string[] {
  if (status === 'failed') return changes.slice(0, 1).map(({ reason }) => reason);
  return work?.last_error == null ? [] : [work.last_error];
}

const toDetail = (detail: DetailView): Omit<DeploymentDetailDto, keyof DeploymentStatusDto | keyof ReadBackDto> => ({
  ...showContainer(detail.container),
  type: detail.type,
  region: detail.region,
  placement_strategy: detail.placementStrategy,
  labels: detail.labels,
  user_id: detail.userId,
  generation: detail.generation,
  placements: detail.placements.map(({ cause, createdAt, explanation }) => ({
    ...PlacementExplanationDto.from(decodeExplanation(explanation)),
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
  deployment_id: row.id,
  name: row.name,
  status: row.status,
  target_replicas: row.targetReplicas,
  running_replicas: row.runningReplicas,
  health: gradeOf(row.counts, row.targetReplicas),
  type: row.type,
  container_image: row.image,
  labels: row.labels,
  user_id: row.userId,
  project_id: row.projectId,
  project: row.project,
  created_at: isoTime(row.createdAt),
  updated_at: isoTime(row.updatedAt),
  ...(row.purgeAt === null ? {} : { purge_at: isoTime(row.purgeAt) }),
});
