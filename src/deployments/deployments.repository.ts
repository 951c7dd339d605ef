import { Injectable } from '@nestjs/common';
import type { Actor } from '../common/request-context';
import type { Resources } from '../engines/resources';
import { afterCommit, type Tx } from '../database/transaction';
import { Events } from '../events/events';
import { PubSub } from '../database/pub-sub';
import type { PlacementStrategy } from '../scheduling/place.types';
import type { DeploymentSpec } from './spec/deployment-spec';
import type { SealedContainer } from './spec/container-vault';
import { storedBytes } from './spec/spec-codec';
import type { RolloutPolicy } from './domain/rollout';
import { relyOnRole } from '../rights/acts';
import { requireRole, type Role } from '../rights/rights';
import { reachOf } from '../rights/reach';
import { readable, roleFor } from '../rights/rights.sql';
import { NO_STATUS, sourcesOf, type DeploymentStatus } from './domain/deployment-status';
import { weightOf } from './weight.sql';

/** The topic that tells, by deployment id, that a user or the reconciler has changed a deployment. */
export const DEPLOYMENT_TOPIC = 'fog_deployment';

/** A deployment whose row is locked until the transaction ends. `resources` are those of its current revision. */
export interface LockedDeployment {
  readonly id: string;
  readonly userId: string;
  readonly projectId: string;
  readonly name: string;
  readonly status: DeploymentStatus;
  readonly targetReplicas: number;
  readonly generation: number;
  /** The revision that was last rolled out whole. */
  readonly revision: number;
  /** The number of the rollout that brought that revision; 0 when there was none. */
  readonly currentRollout: number;
  /** The number of the rollout that is open. */
  readonly openRollout: number | null;
  readonly version: number;
  readonly region: string;
  readonly placementStrategy: PlacementStrategy;
  readonly resources: Resources;
}

/** The same for somebody who may change it, with the role of that caller in its project. */
export interface HeldDeployment extends LockedDeployment {
  readonly role: Role;
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

/** What is beside the spec in the row of a new deployment. */
interface NewDeploymentRow {
  readonly id: string;
  readonly projectId: string;
  readonly requestId: string;
  readonly protectionReason: string | null;
  readonly container: SealedContainer;
  /** How many bytes of it are copies of secrets. */
  readonly copies: number;
}

/** What of a deployment can be changed without a new revision, but for the number of replicas. */
export interface Settings {
  readonly region: string;
  readonly placementStrategy: PlacementStrategy;
  readonly labels: Readonly<Record<string, string>>;
  readonly rollout: RolloutPolicy;
  readonly protectionReason: string | null;
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

  /**
   * For a change that the actor asks for. Null when the deployment does not exist, or when the actor may not see it; throws
   * `role_required` when the actor may see it and not change it. The resources are locked too, because a statement that waits for a
   * lock reads anew only what it locks.
   */
  async lock(tx: Tx, id: string, actor: Pick<Actor, 'userId' | 'isAdmin' | 'boundTo'>): Promise<HeldDeployment | null> {
    const [row] = await tx.query<HeldDeployment[]>(LOCK_FOR, [id, actor.userId, reachOf(actor)]);
    if (!row) return null;
    requireRole(row.role, 'deployment.change');
    relyOnRole(tx, { projectId: row.projectId, act: 'deployment.change' }, actor);
    return row;
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
   * Inserts the deployment, its first revision with the resources, and its first history row. Fails with 23505 when the project
   * has a live deployment with this name.
   */
  async insert(tx: Tx, spec: DeploymentSpec, actor: Actor, made: NewDeploymentRow): Promise<void> {
    const { projectId, requestId, protectionReason } = made;
    const { resources } = spec.container;
    await tx.query(INSERT, [
      actor.userId,
      spec.name,
      spec.type,
      spec.replicas,
      spec.region,
      spec.placementStrategy,
      JSON.stringify(spec.labels),
      made.container.spec,
      resources.cpuCores,
      resources.memoryMb,
      resources.gpuUnits,
      resources.storageGb,
      NO_STATUS,
      'Deployment created by user',
      requestId,
      protectionReason,
      storedBytes(spec) + made.copies,
      JSON.stringify(spec.rollout),
      projectId,
      made.id,
      made.container.sealed,
      spec.container.ports.length,
    ]);
    this.events.announce(tx);
  }

  /** Changes what is beside the revisions. A workload that runs keeps the labels that it was started with. */
  async changeSettings(tx: Tx, id: string, { labels, rollout, ...settings }: Settings): Promise<void> {
    await tx.query(CHANGE_SETTINGS, [
      ...[id, settings.region, settings.placementStrategy, settings.protectionReason],
      ...[JSON.stringify(labels), JSON.stringify(rollout)],
    ]);
    afterCommit(tx, () => this.pubSub.publish(DEPLOYMENT_TOPIC, id));
  }

  /** Puts it into another project, and gives the name of the one that it was in. Violates uq_deployments_live_name. */
  async move(tx: Tx, id: string, { projectId, userId }: { projectId: string; userId: string }): Promise<string> {
    const [row] = await tx.query<{ name: string }[]>(MOVE, [id, projectId, userId]);
    afterCommit(tx, () => this.pubSub.publish(DEPLOYMENT_TOPIC, id));
    if (!row) throw new Error(`Deployment ${id} is gone`);
    return row.name;
  }

  /** Whether routes lead to it. */
  async hasRoutes(tx: Tx, id: string): Promise<boolean> {
    const routes = `SELECT 1 FROM deployment_routes WHERE deployment_id = $1 AND removed_at IS NULL LIMIT 1`;
    const rows = await tx.query<unknown[]>(routes, [id]);
    return rows.length > 0;
  }

  /** Whether a live deployment of the project has the name. */
  async hasName(tx: Tx, projectId: string, name: string): Promise<boolean> {
    const live = `SELECT 1 FROM deployments WHERE project_id = $1 AND name = $2 AND deleted_at IS NULL LIMIT 1`;
    return (await tx.query<unknown[]>(live, [projectId, name])).length > 0;
  }

  /** Counts anew what it weighs in the quotas: its labels and all kept revisions. The caller asks the quota. */
  async weigh(tx: Tx, id: string): Promise<void> {
    await tx.query(WEIGH, [id]);
  }

  /**
   * The statement that changes a status; what the reconciler records of many at once is in `MovesTogetherRepository`. The caller holds
   * the lock and has checked `canTransition`.
   */
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

const LOCKED = `
         d.id, d.user_id AS "userId", d.project_id AS "projectId", d.name, d.status, d.target_replicas AS "targetReplicas",
         d.generation, d.current_revision AS revision, d.current_rollout AS "currentRollout",
         d.open_rollout AS "openRollout", d.version, d.region, d.placement_strategy AS "placementStrategy",
         ${resourcesOf('r')} AS resources
    FROM deployments d JOIN deployment_resources r ON r.deployment_id = d.id
   WHERE d.id = $1`;

/** $1 deployment. */
const LOCK = `SELECT ${LOCKED}`;

/** $1 deployment, $2 the caller, $3 what its credential reaches. */
const LOCK_FOR = `SELECT ${roleFor('d', '$2', '$3')} AS role, ${LOCKED} AND ${readable('d', '$2', '$3')} FOR UPDATE OF d, r`;

/**
 * $1 user, $2 name, $3 type, $4 replicas, $5 region, $6 placement strategy, $7 labels, $8 the container's spec,
 * $9 CPU cores, $10 memory, $11 GPU units, $12 storage, $13 `none`, $14 reason, $15 request, $16 why it is protected,
 * $17 what it weighs in the quota, $18 its rollout policy, $19 its project, $20 its id, $21 the encrypted values of env, or null,
 * $22 how many ports a replica publishes.
 */
const INSERT = `
  WITH created AS (
    INSERT INTO deployments (id, user_id, name, type, target_replicas, region, placement_strategy, labels, protection_reason,
                             stored_bytes, rollout_policy, project_id)
    VALUES ($20, $1, $2, $3, $4, $5, $6, $7, $16, $17, $18, $19)
    RETURNING id, user_id, current_revision, status),
  revision AS (
    INSERT INTO deployment_revisions (deployment_id, number, spec, env_sealed, created_by)
    SELECT id, current_revision, $8::jsonb, $21, user_id FROM created),
  resources AS (
    INSERT INTO deployment_resources (deployment_id, cpu_cores, memory_mb, gpu_units, storage_gb, ports)
    SELECT id, $9, $10, $11, $12, $22 FROM created),
  history AS (
    INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason, changed_by, request_id)
    SELECT id, $13, status, $14, user_id, $15 FROM created)
  SELECT 1 FROM created`;

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

/** $1 deployment, $2 region, $3 placement strategy, $4 why it is protected (null: it is not), $5 labels, $6 rollout policy. */
const CHANGE_SETTINGS = `
  UPDATE deployments
     SET region = $2, placement_strategy = $3, protection_reason = $4, labels = $5, rollout_policy = $6,
         version = version + 1, updated_at = clock_timestamp()
   WHERE id = $1`;

/** $1 deployment, $2 project, $3 in whose quota it counts. */
const MOVE = `
  WITH before AS (SELECT p.name FROM deployments AS d JOIN projects AS p ON p.id = d.project_id WHERE d.id = $1),
  moved AS (
    UPDATE deployments SET project_id = $2, user_id = $3, version = version + 1, updated_at = clock_timestamp() WHERE id = $1)
  SELECT name FROM before`;

/** $1 deployment. The text of `jsonb` is a little longer than what was sent. */
const WEIGH = `
  WITH weighed AS (SELECT ${weightOf('d')} AS bytes FROM deployments AS d WHERE d.id = $1)
  UPDATE deployments AS d SET stored_bytes = w.bytes FROM weighed AS w WHERE d.id = $1 AND d.stored_bytes <> w.bytes`;
