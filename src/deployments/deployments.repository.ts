import { Injectable } from '@nestjs/common';
import type { Actor } from '../common/request-context';
import { visibleTo } from '../common/visibility';
import type { Resources } from '../engines/resources';
import { afterCommit, type Tx } from '../database/transaction';
import { Events } from '../events/events';
import { PubSub } from '../database/pub-sub';
import type { PlacementStrategy } from '../scheduling/place.types';
import type { DeploymentSpec } from './spec/deployment-spec';
import { storedContainer } from './spec/spec-codec';
import { NO_STATUS, sourcesOf, type DeploymentStatus } from './domain/deployment-status';

/** The topic that tells, by deployment id, that a user or the reconciler has changed a deployment. */
export const DEPLOYMENT_TOPIC = 'fog_deployment';

/** A deployment whose row is locked until the transaction ends. `resources` are those of its current revision. */
export interface LockedDeployment {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  readonly status: DeploymentStatus;
  readonly targetReplicas: number;
  readonly generation: number;
  /** The revision that its replicas should run. */
  readonly revision: number;
  readonly version: number;
  readonly region: string;
  readonly placementStrategy: PlacementStrategy;
  readonly resources: Resources;
}

export interface StatusChange {
  readonly to: DeploymentStatus;
  readonly reason: string;
  /** Null means the control plane itself. */
  readonly changedBy: string | null;
  readonly requestId: string | null;
  readonly targetReplicas?: number;
  /** Begins a new generation, so that older replicas no longer count. */
  readonly newGeneration?: boolean;
}

/**
 * Every write to `deployments`. Callers lock the row first and change it in the same transaction. Every change adds one to
 * `version` and writes a history row in the same statement.
 */
@Injectable()
export class DeploymentsRepository {
  constructor(
    private readonly pubSub: PubSub,
    private readonly events: Events,
  ) {}

  /** Null when the deployment does not exist, or when the actor is neither its owner nor an administrator. */
  async lock(tx: Tx, id: string, actor: Pick<Actor, 'userId' | 'isAdmin'>): Promise<LockedDeployment | null> {
    const [row] = await tx.query<LockedDeployment[]>(`${LOCK} AND ${visibleTo('d', '$2', '$3')} FOR UPDATE OF d`, [
      id,
      actor.userId,
      actor.isAdmin,
    ]);
    return row ?? null;
  }

  /** For the reconciler. Null unless the deployment is still at this version and the job's claim is still valid. */
  async lockAtVersion(tx: Tx, id: string, version: number, job: { id: string; claim: string }): Promise<LockedDeployment | null> {
    const [row] = await tx.query<LockedDeployment[]>(
      `${LOCK} AND d.version = $2 AND EXISTS (SELECT 1 FROM jobs WHERE id = $3 AND claim = $4) FOR UPDATE OF d`,
      [id, version, job.id, job.claim],
    );
    return row ?? null;
  }

  /**
   * Inserts the deployment, its first revision with the resources, and its first history row. Fails with 23505 when the owner
   * has a live deployment with this name.
   */
  async insert(
    tx: Tx,
    spec: DeploymentSpec,
    actor: Actor,
    { requestId, protectionReason }: { requestId: string; protectionReason: string | null },
  ): Promise<string> {
    const { resources } = spec.container;
    const [row] = await tx.query<{ id: string }[]>(INSERT, [
      actor.userId,
      spec.name,
      spec.type,
      spec.replicas,
      spec.region,
      spec.placementStrategy,
      JSON.stringify(spec.labels),
      storedContainer(spec.container),
      resources.cpuCores,
      resources.memoryMb,
      resources.gpuUnits,
      resources.storageGb,
      NO_STATUS,
      'Deployment created by user',
      requestId,
      protectionReason,
    ]);
    this.events.announce(tx);
    if (!row) throw new Error('The deployment was not inserted');
    return row.id;
  }

  /** The only statement that changes a status. The caller holds the lock and has checked `canTransition`. */
  async changeStatus(tx: Tx, deployment: LockedDeployment, change: StatusChange): Promise<{ at: Date }> {
    const [row] = await tx.query<{ at: Date }[]>(CHANGE_STATUS, [
      deployment.id,
      change.to,
      sourcesOf(change.to),
      change.targetReplicas ?? null,
      change.newGeneration ?? false,
      deployment.status,
      change.reason,
      change.changedBy,
      change.requestId,
    ]);
    afterCommit(tx, () => this.pubSub.publish(DEPLOYMENT_TOPIC, deployment.id));
    this.events.announce(tx);
    if (!row) throw new Error(`Deployment ${deployment.id} cannot move from ${deployment.status} to ${change.to}`);
    return row;
  }
}

/** An SQL expression over `deployment_resources AS table` that gives a `Resources` as JSON. */
export const resourcesOf = (table: string): string => `
         json_build_object('cpuCores', ${table}.cpu_cores::float8, 'memoryMb', ${table}.memory_mb,
                           'gpuUnits', ${table}.gpu_units, 'storageGb', ${table}.storage_gb)`;

/** $1 deployment. */
const LOCK = `
  SELECT d.id, d.user_id AS "userId", d.name, d.status, d.target_replicas AS "targetReplicas", d.generation,
         d.current_revision AS revision, d.version, d.region, d.placement_strategy AS "placementStrategy",
         ${resourcesOf('r')} AS resources
    FROM deployments d JOIN deployment_resources r ON r.deployment_id = d.id
   WHERE d.id = $1`;

/**
 * $1 user, $2 name, $3 type, $4 replicas, $5 region, $6 placement strategy, $7 labels, $8 the container's spec,
 * $9 CPU cores, $10 memory, $11 GPU units, $12 storage, $13 `none`, $14 reason, $15 request, $16 why it is protected.
 */
const INSERT = `
  WITH created AS (
    INSERT INTO deployments (user_id, name, type, target_replicas, region, placement_strategy, labels, protection_reason)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $16)
    RETURNING id, user_id, current_revision, status),
  revision AS (
    INSERT INTO deployment_revisions (deployment_id, number, spec, created_by)
    SELECT id, current_revision, $8::jsonb, user_id FROM created),
  resources AS (
    INSERT INTO deployment_resources (deployment_id, cpu_cores, memory_mb, gpu_units, storage_gb)
    SELECT id, $9, $10, $11, $12 FROM created),
  history AS (
    INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason, changed_by, request_id)
    SELECT id, $13, status, $14, user_id, $15 FROM created)
  SELECT id FROM created`;

/**
 * $1 deployment, $2 new status, $3 statuses that may become it, $4 wanted replicas (null: as before), $5 whether a new
 * generation begins, $6 old status, $7 reason, $8 who changes it, $9 request id.
 */
const CHANGE_STATUS = `
  WITH moved AS (
    UPDATE deployments
       SET status = $2, version = version + 1, updated_at = clock_timestamp(),
           target_replicas = coalesce($4, target_replicas),
           generation = generation + CASE WHEN $5 THEN 1 ELSE 0 END,
           deleted_at = CASE WHEN $2 = 'deleted' THEN clock_timestamp() END
     WHERE id = $1 AND status = ANY($3::text[])
    RETURNING id, updated_at, deleted_at),
  recorded AS (
    INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason, changed_by, request_id)
    SELECT id, $6, $2, $7, $8, $9 FROM moved)
  SELECT coalesce(deleted_at, updated_at) AS at FROM moved`;
