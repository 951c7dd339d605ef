import { Injectable } from '@nestjs/common';
import type { Actor } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { afterCommit, type Tx } from '../database/transaction';
import { Events } from '../events/events';
import { PubSub } from '../database/pub-sub';
import { isOnline } from '../nodes/node-status.sql';
import { removeRoutesOf } from '../routing/routes.sql';
import { retentionPoliciesOf } from '../retention/retention-policies.sql';
import type { RetentionPolicy } from '../retention/retention-policy';
import { DEPLOYMENT_TOPIC } from '../deployments/deployments.repository';
import type { DeploymentType } from '../deployments/spec/deployment-spec';
import { relyOnRole } from '../rights/acts';
import { may, type Role } from '../rights/rights';
import { reachOf } from '../rights/reach';
import { readable, roleFor } from '../rights/rights.sql';
import { sourcesOf, type DeploymentStatus } from '../deployments/domain/deployment-status';
import { LIVE_REPLICA_STATUSES } from '../deployments/domain/replica-status';
import type { TeardownOptions } from './teardown-options';
import { TEARDOWN_TOPIC } from './teardown-watch';

/** What a deletion needs to know of a deployment; its row is locked until the transaction ends. */
export interface DeletionCandidate {
  readonly id: string;
  readonly userId: string;
  readonly projectId: string;
  /** The role of who asks in its project. */
  readonly role: Role;
  readonly name: string;
  readonly type: DeploymentType;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: DeploymentStatus;
  readonly version: number;
  readonly deletedAt: Date | null;
  readonly protectionReason: string | null;
  readonly legalHoldReason: string | null;
  /** The policies that apply to this deployment. */
  readonly retentionPolicies: readonly RetentionPolicy[];
}

export interface DeletionOrder {
  readonly id: string;
  readonly from: DeploymentStatus;
  readonly retentionHours: number;
  /** The policy, in words. */
  readonly retentionPolicy: string;
}

/** The options that all deletions of one decision share. */
export interface DeletionTerms extends TeardownOptions {
  readonly requestedBy: string;
  readonly requestId: string;
  readonly operationId: string | null;
}

export interface DecidedDeletion {
  readonly id: string;
  readonly generation: number;
  readonly deletedAt: Date;
  readonly purgeAt: Date;
  /** Until then the containers are kept for a restore; null when they are not kept. */
  readonly warmUntil: Date | null;
  /** True when nothing is left to tear down. */
  readonly complete: boolean;
  /** Replicas that an engine still has to end. */
  readonly stoppingIds: readonly string[];
  /** Replicas that no engine knows. They are stopped, and the caller releases their reservations. */
  readonly unstartedIds: readonly string[];
}

export interface ForceReleasedReplica {
  readonly id: string;
  readonly deploymentId: string;
  readonly nodeId: string;
  readonly nodeName: string;
}

export interface CompletedDeletion {
  /** The id of the deployment. */
  readonly id: string;
  readonly generation: number;
  /** The deployment has been restored since; only what the restore did not take over was torn down. */
  readonly isRestored: boolean;
  /** The seconds since the decision, or since the end of the warm time. */
  readonly seconds: number;
}

/**
 * Every write to `deletions`. A statement handles a set of deployments, so a bulk deletion needs as many statements as a single
 * one.
 */
@Injectable()
export class DeletionsRepository {
  constructor(
    private readonly pubSub: PubSub,
    private readonly events: Events,
    private readonly config: AppConfig,
  ) {}

  /**
   * Locks the deployments in id order; leaves out missing ones and those that the actor may not see. The roles are asked for again
   * before the transaction commits.
   */
  async lock(tx: Tx, ids: readonly string[], actor: Pick<Actor, 'userId' | 'isAdmin' | 'boundTo'>): Promise<DeletionCandidate[]> {
    const found = await tx.query<DeletionCandidate[]>(`${CANDIDATES} FOR UPDATE OF d`, [ids, actor.userId, reachOf(actor)]);
    for (const { projectId, role } of found)
      if (may(role, 'deployment.change')) relyOnRole(tx, { projectId, act: 'deployment.change' }, actor);
    return found;
  }

  /** The same without locks, so what it returns may have changed a moment later. */
  look(tx: Tx, ids: readonly string[], actor: Pick<Actor, 'userId' | 'isAdmin' | 'boundTo'>): Promise<DeletionCandidate[]> {
    return tx.query(CANDIDATES, [ids, actor.userId, reachOf(actor)]);
  }

  /**
   * The one statement that deletes: replicas, status, history row and deletion row, all or none. The caller holds the locks.
   * Returns the deletions in any order; throws when the status of one of the deployments does not allow it.
   */
  async decide(tx: Tx, orders: readonly DeletionOrder[], terms: DeletionTerms): Promise<DecidedDeletion[]> {
    const rows = await tx.query<DecidedDeletion[]>(orders.length === 1 ? DECIDE_ONE : DECIDE_MANY, [
      JSON.stringify(orders),
      LIVE_REPLICA_STATUSES,
      sourcesOf('deleted'),
      terms.keepWarmSeconds,
      terms.requestedBy,
      terms.requestId,
      terms.operationId,
      terms.graceSeconds,
      terms.force,
    ]);
    afterCommit(tx, () => {
      for (const { id } of orders) this.pubSub.publish(DEPLOYMENT_TOPIC, id);
    });
    this.events.announce(tx);
    if (rows.length !== orders.length) throw new Error(`Deleted ${rows.length} of ${orders.length} deployments`);
    return rows;
  }

  /**
   * Force-releases replicas that nodes without an answer should end: they become `failed` with `words` as the reason, and no
   * longer count. The caller holds the locks of the deployments and releases the reservations.
   */
  async forceRelease(
    tx: Tx,
    ids: readonly string[],
    { nodeId, words }: { nodeId: string | null; words: string },
  ): Promise<ForceReleasedReplica[]> {
    const [rows] = await tx.query<[ForceReleasedReplica[], number]>(FORCE_RELEASE, [
      ids,
      nodeId,
      words,
      this.config.NODE_OFFLINE_AFTER_SECONDS,
    ]);
    afterCommit(tx, () => {
      for (const id of new Set(rows.map((row) => row.deploymentId))) this.pubSub.publish(TEARDOWN_TOPIC, id);
    });
    return rows;
  }

  /**
   * Marks those of the deletions as complete whose replicas hold no reservation. Replicas of later generations do not matter.
   * Erases what a deleted deployment does not need any more.
   */
  completeWhatHoldsNothing(tx: Tx, ids: readonly string[]): Promise<CompletedDeletion[]> {
    return tx.query(COMPLETE, [ids]);
  }

  /** Those of the deployments that have no open reservation. */
  async holdingNothing(tx: Tx, ids: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await tx.query<{ id: string }[]>(
      `SELECT id FROM unnest($1::uuid[]) AS asked(id)
        WHERE NOT EXISTS (SELECT 1 FROM reservations WHERE deployment_id = asked.id AND released_at IS NULL)`,
      [ids],
    );
    return new Set(rows.map((row) => row.id));
  }
}

/** $1 ids, $2 the caller, $3 what its credential reaches. */
export const CANDIDATES = `
  SELECT d.id, d.user_id AS "userId", d.project_id AS "projectId", ${roleFor('d', '$2', '$3')} AS role,
         d.name, d.type, d.labels, d.status, d.version, d.deleted_at AS "deletedAt",
         d.protection_reason AS "protectionReason", d.legal_hold_reason AS "legalHoldReason",
         ${retentionPoliciesOf('d')} AS "retentionPolicies"
    FROM deployments AS d WHERE d.id = ANY($1::uuid[]) AND ${readable('d', '$2', '$3')} ORDER BY d.id`;

/**
 * Parts of a statement that erase what deployments do not need any more once their teardown is complete, not even for a restore:
 * which nodes their placements compared, and the output of their replicas.
 */
const eraseUnneededOf = (deployments: string): string => `
  erased AS (
    UPDATE placements AS p
       SET explanation = p.explanation - '{candidateRows,rejectedRows}'::text[] || '{"candidates": [], "rejected": []}'
      FROM ${deployments} AS e WHERE p.deployment_id = e.id),
  forgotten AS (DELETE FROM kept_logs AS k USING ${deployments} AS e WHERE k.deployment_id = e.id)`;

/**
 * $1 orders, $2 statuses of live replicas, $3 statuses that may become `deleted`, $4 seconds to keep warm, $5 who asks,
 * $6 request id, $7 operation, $8 grace seconds, $9 force. All parts see the rows as they were before the statement: a replica
 * that was `pending` counts as `pending` in all of them.
 */
const decideOf = (atMost: string): string => `
  WITH moment AS MATERIALIZED (SELECT clock_timestamp() AS at),
  wanted AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS w(id uuid, "from" text, "retentionHours" int, "retentionPolicy" text)
     ${atMost}),
  ended AS (
    UPDATE deployment_replicas AS r
       SET status = CASE WHEN r.status = 'pending' THEN 'stopped' ELSE 'stopping' END,
           stopped_at = CASE WHEN r.status = 'pending' THEN at END,
           warm_until = CASE WHEN r.status = 'running' AND $4 > 0 THEN at + make_interval(secs => $4) END,
           changed_at = at, reason = 'Deployment deleted'
      FROM wanted AS w, moment
     WHERE r.deployment_id = w.id AND r.status = ANY($2::text[])
    RETURNING r.id, r.deployment_id, r.status, r.warm_until),
  counted AS (
    SELECT deployment_id, max(warm_until) AS warm_until,
           json_agg(id) FILTER (WHERE status = 'stopping') AS stopping,
           count(*) FILTER (WHERE status = 'stopping') AS stopping_count,
           json_agg(id) FILTER (WHERE status = 'stopped') AS unstarted
      FROM ended GROUP BY deployment_id),
  moved AS (
    UPDATE deployments AS d
       SET status = 'deleted', version = d.version + 1, updated_at = at, deleted_at = at,
           purge_at = at + make_interval(hours => w."retentionHours"), open_rollout = NULL
      FROM wanted AS w, moment
     WHERE d.id = w.id AND d.status = ANY($3::text[])
    RETURNING d.id, d.generation, d.deleted_at, d.purge_at, w."from", w."retentionPolicy"),
  recorded AS (
    INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason, changed_by, request_id)
    SELECT m.id, m."from", 'deleted',
           format('User deletion: stopped %s replicas, released resources', coalesce(c.stopping_count, 0)), $5, $6
      FROM moved AS m LEFT JOIN counted AS c ON c.deployment_id = m.id),
  rollouts AS (
    UPDATE deployment_rollouts AS o
       SET state = CASE WHEN o.state IN ('progressing', 'paused') THEN 'superseded' ELSE o.state END,
           reason = coalesce(CASE WHEN o.state NOT IN ('progressing', 'paused') THEN o.reason END, 'The deployment was deleted'),
           finished_at = at
      FROM moved AS m, moment WHERE o.deployment_id = m.id AND o.finished_at IS NULL),
  decided AS (
    INSERT INTO deletions (deployment_id, generation, requested_by, request_id, operation_id, grace_seconds, force, warm_until,
                           retention_policy, decided_at, completed_at)
    SELECT m.id, m.generation, $5, $6, $7, $8, $9, c.warm_until, m."retentionPolicy", m.deleted_at,
           CASE WHEN NOT EXISTS (SELECT 1 FROM reservations AS v JOIN deployment_replicas AS r ON r.id = v.replica_id
                                  WHERE v.deployment_id = m.id AND v.released_at IS NULL AND r.status <> 'pending')
                THEN m.deleted_at END
      FROM moved AS m LEFT JOIN counted AS c ON c.deployment_id = m.id
    RETURNING deployment_id, completed_at, warm_until),
  complete AS (SELECT deployment_id AS id FROM decided WHERE completed_at IS NOT NULL),
  ${eraseUnneededOf('complete')},
  ${removeRoutesOf('moved')}
  SELECT m.id, m.generation, m.deleted_at AS "deletedAt", m.purge_at AS "purgeAt", x.warm_until AS "warmUntil",
         x.completed_at IS NOT NULL AS complete,
         coalesce(c.stopping, '[]') AS "stoppingIds", coalesce(c.unstarted, '[]') AS "unstartedIds"
    FROM moved AS m JOIN decided AS x ON x.deployment_id = m.id LEFT JOIN counted AS c ON c.deployment_id = m.id`;

/** The planner takes a list for a hundred rows. For one it would read whole tables of rollouts and routes up to thousands of rows. */
const DECIDE_ONE = decideOf('LIMIT 1');
const DECIDE_MANY = decideOf('');

/** $1 deployments, $2 node or null for all, $3 reason, $4 seconds of silence after which a node is offline. */
const FORCE_RELEASE = `
  WITH lost AS (
    SELECT r.id, n.name FROM deployment_replicas AS r JOIN nodes AS n ON n.id = r.node_id
     WHERE r.deployment_id = ANY($1::uuid[]) AND ($2::uuid IS NULL OR r.node_id = $2) AND NOT ${isOnline('$4')}
       AND (r.status = 'stopping'
            OR r.status = 'failed'
               AND EXISTS (SELECT 1 FROM reservations AS v WHERE v.replica_id = r.id AND v.released_at IS NULL)))
  UPDATE deployment_replicas AS r
     SET status = 'failed', reason = $3, force_released_at = clock_timestamp(), changed_at = clock_timestamp(),
         superseded_at = coalesce(r.superseded_at, clock_timestamp()), warm_until = NULL, stop_retry_at = NULL
    FROM lost WHERE r.id = lost.id
  RETURNING r.id, r.deployment_id AS "deploymentId", r.node_id AS "nodeId", lost.name AS "nodeName"`;

/** $1 deployments. */
const COMPLETE = `
  WITH completed AS (
    UPDATE deletions AS x SET completed_at = clock_timestamp()
     WHERE x.deployment_id = ANY($1::uuid[]) AND x.completed_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM reservations AS v JOIN deployment_replicas AS r ON r.id = v.replica_id
                        WHERE v.deployment_id = x.deployment_id AND v.released_at IS NULL AND r.generation <= x.generation)
    RETURNING x.deployment_id AS id, x.generation, x.restored_at IS NOT NULL AS "isRestored",
              greatest(0, extract(epoch FROM x.completed_at - greatest(x.decided_at, x.warm_until)))::float8 AS seconds),
  over AS (SELECT id FROM completed WHERE NOT "isRestored"),
  ${eraseUnneededOf('over')}
  SELECT * FROM completed`;
