import { Injectable } from '@nestjs/common';
import type { Actor } from '../common/request-context';
import { afterCommit, type Tx } from '../database/transaction';
import { Events } from '../events/events';
import { PubSub } from '../database/pub-sub';
import { isOnline } from '../nodes/node-status.sql';
import { AppConfig } from '../config/app-config';
import { DEPLOYMENT_TOPIC, resourcesOf, type LockedDeployment } from '../deployments/deployments.repository';
import type { Role } from '../rights/rights';
import { reachOf } from '../rights/reach';
import { readable, roleFor } from '../rights/rights.sql';
import type { DeploymentStatus, RestoredStatus } from '../deployments/domain/deployment-status';

/** A deployment that may be restored, with what is left of it. Its row is locked unless it was only looked at. */
export interface RestorationCandidate extends LockedDeployment {
  /** The role of who asks in its project. */
  readonly role: Role;
  /** The name of its project if that was deleted since; else null. */
  readonly lostProject: string | null;
  /** How many ports each replica publishes. */
  readonly ports: number;
  /** The image of its current revision. */
  readonly image: string;
  /** Its status when it was deleted. */
  readonly statusBefore: DeploymentStatus;
  readonly purgeAt: Date | null;
  /** Replicas that still have a reservation, on nodes that answer. */
  readonly heldReplicas: number;
  /** Replicas whose containers were kept warm, on nodes that answer and do not drain. */
  readonly warmReplicaIds: readonly string[];
  /** The nodes of all replicas of its last generation. */
  readonly lastNodeIds: readonly string[];
  /** Another live deployment of the project now has its name. */
  readonly nameTaken: boolean;
}

export interface Restoration {
  readonly name: string;
  /** `scheduled` when its replicas have places, `stopped` when it was stopped before. */
  readonly to: RestoredStatus;
  readonly reason: string;
  readonly changedBy: string;
  readonly requestId: string;
}

/** The only writes that bring a deleted deployment back; the guard of the table accepts them only from here. */
@Injectable()
export class RestorationRepository {
  constructor(
    private readonly pubSub: PubSub,
    private readonly config: AppConfig,
    private readonly events: Events,
  ) {}

  /**
   * Null when the deployment does not exist, or when the actor may not see it. `name`: the name that it should get.
   */
  async find(
    tx: Tx,
    id: string,
    { actor, name, lock }: { actor: Pick<Actor, 'userId' | 'isAdmin' | 'boundTo'>; name: string | null; lock: boolean },
  ): Promise<RestorationCandidate | null> {
    const whose = [id, actor.userId, reachOf(actor)];
    if (lock) await tx.query(LOCK, whose);
    const [row] = await tx.query<RestorationCandidate[]>(CANDIDATE, [...whose, name, this.config.NODE_OFFLINE_AFTER_SECONDS]);
    return row ?? null;
  }

  /**
   * Makes the deployment live again in a new generation, with its history row. The replicas of `warmReplicaIds` move to the new
   * generation and are started again; the others are no longer kept. Returns the new generation.
   */
  async restore(tx: Tx, deployment: RestorationCandidate, restoration: Restoration): Promise<{ generation: number }> {
    await tx.query(`SELECT set_config('fog.operation', 'restore', true)`);
    const [row] = await tx.query<{ generation: number }[]>(RESTORE, [
      deployment.id,
      restoration.name,
      restoration.to,
      restoration.reason,
      restoration.changedBy,
      restoration.requestId,
      restoration.to === 'scheduled' ? deployment.warmReplicaIds : [],
    ]);
    await tx.query(`SELECT set_config('fog.operation', '', true)`);
    this.events.announce(tx);
    afterCommit(tx, () => this.pubSub.publish(DEPLOYMENT_TOPIC, deployment.id));
    if (!row) throw new Error(`Deployment ${deployment.id} was not restored`);
    return row;
  }
}

/**
 * $1 deployment, $2 the caller, $3 what its credential reaches. The lock is a statement of its own, because a statement
 * that waits for a lock has read everything else before the wait.
 */
const LOCK = `SELECT 1 FROM deployments AS d WHERE d.id = $1 AND ${readable('d', '$2', '$3')} FOR UPDATE`;

/** $1 to $3 as in LOCK, $4 the name that it should get (null: its own), $5 seconds of silence after which a node is offline. */
const CANDIDATE = `
  SELECT ${roleFor('d', '$2', '$3')} AS role,
         (SELECT p.name FROM projects AS p WHERE p.id = d.project_id AND p.deleted_at IS NOT NULL) AS "lostProject",
         d.id, d.user_id AS "userId", d.project_id AS "projectId", d.name, d.status,
         d.target_replicas AS "targetReplicas", d.generation,
         d.current_revision AS revision, d.current_rollout AS "currentRollout",
         d.open_rollout AS "openRollout", d.version, d.deleted_at AS "deletedAt", d.region,
         d.placement_strategy AS "placementStrategy", v.spec->>'image' AS image, d.purge_at AS "purgeAt",
         ${resourcesOf('s')} AS resources, s.ports,
         (SELECT old_status FROM deployment_status_history WHERE deployment_id = d.id AND new_status = 'deleted'
           ORDER BY id DESC LIMIT 1) AS "statusBefore",
         (SELECT count(*)::int FROM reservations AS o JOIN nodes AS n ON n.id = o.node_id
           WHERE o.deployment_id = d.id AND o.released_at IS NULL AND ${isOnline('$5')}) AS "heldReplicas",
         (SELECT coalesce(json_agg(r.id ORDER BY r.created_at, r.id), '[]')
            FROM deployment_replicas AS r JOIN nodes AS n ON n.id = r.node_id
           WHERE r.deployment_id = d.id AND r.status = 'stopping' AND r.warm_until > clock_timestamp()
             AND r.suspended_at IS NOT NULL AND r.rollout = d.current_rollout
             AND NOT n.draining AND ${isOnline('$5')}) AS "warmReplicaIds",
         (SELECT coalesce(json_agg(DISTINCT r.node_id), '[]') FROM deployment_replicas AS r
           WHERE r.deployment_id = d.id AND r.generation = d.generation) AS "lastNodeIds",
         EXISTS (SELECT 1 FROM deployments AS o
                  WHERE o.project_id = d.project_id AND o.name = coalesce($4, d.name) AND o.deleted_at IS NULL) AS "nameTaken"
    FROM deployments AS d JOIN deployment_resources AS s ON s.deployment_id = d.id
    JOIN deployment_revisions AS v ON v.deployment_id = d.id AND v.number = d.current_revision
   WHERE d.id = $1 AND ${readable('d', '$2', '$3')}`;

/**
 * $1 deployment, $2 name, $3 new status, $4 reason, $5 who restores it, $6 request id, $7 replicas whose containers start
 * again.
 */
const RESTORE = `
  WITH restored AS (
    UPDATE deployments
       SET status = $3, name = $2, deleted_at = NULL, purge_at = NULL, generation = generation + 1, version = version + 1,
           updated_at = clock_timestamp()
     WHERE id = $1 AND status = 'deleted'
    RETURNING id, generation),
  recorded AS (
    INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason, changed_by, request_id)
    SELECT id, 'deleted', $3, $4, $5, $6 FROM restored),
  marked AS (
    UPDATE deletions AS x SET restored_at = clock_timestamp()
      FROM restored WHERE x.deployment_id = restored.id AND x.generation = restored.generation - 1),
  warm AS (
    UPDATE deployment_replicas AS r
       SET status = CASE WHEN r.id = ANY($7::uuid[]) THEN 'starting' ELSE r.status END,
           generation = CASE WHEN r.id = ANY($7::uuid[]) THEN restored.generation ELSE r.generation END,
           reason = CASE WHEN r.id = ANY($7::uuid[]) THEN 'Starting again from a kept container' ELSE r.reason END,
           started_at = CASE WHEN r.id = ANY($7::uuid[]) THEN NULL ELSE r.started_at END,
           stop_attempts = CASE WHEN r.id = ANY($7::uuid[]) THEN 0 ELSE r.stop_attempts END,
           changed_at = clock_timestamp(), warm_until = NULL, suspended_at = NULL
      FROM restored WHERE r.deployment_id = restored.id AND r.status = 'stopping' AND r.warm_until IS NOT NULL)
  SELECT generation FROM restored`;
