import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Actor } from '../common/request-context';
import { reachOf } from '../rights/reach';
import { readable } from '../rights/rights.sql';
import { AppConfig } from '../config/app-config';
import { isoTime, isoTimeOrNull } from '../database/json-time';
import { isOnline } from '../nodes/node-status.sql';
import { routeRemovalOf } from '../routing/routes.sql';
import type { LedgerFacts } from './deletion-ledger';

/** One deletion of a deployment with everything that its ledger is derived from. Times are ISO 8601. */
export interface DeletionRow extends LedgerFacts {
  readonly generation: number;
  readonly requestedBy: string | null;
  readonly requestId: string | null;
  readonly operationId: string | null;
  readonly force: boolean;
  readonly warmUntil: string | null;
  readonly retentionPolicy: string;
  readonly decidedAt: string;
  /** The deployment's `purge_at`; null when it was restored since. */
  readonly purgeAt: string | null;
}

@Injectable()
export class DeletionLedgerRepository {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
  ) {}

  /**
   * The newest deletion, or that of a generation. Null when the deployment is missing or foreign; the deletion inside is null
   * when the deployment was never deleted (in that generation). One statement.
   */
  async find(
    id: string,
    actor: Pick<Actor, 'userId' | 'isAdmin' | 'boundTo'>,
    generation: number | null,
  ): Promise<{ deletion: DeletionRow | null } | null> {
    const parameters = [id, actor.userId, reachOf(actor), this.config.NODE_OFFLINE_AFTER_SECONDS, generation, this.config.DRAIN_SECONDS];
    const [row] = await this.dataSource.query<{ deletion: DeletionRow | null }[]>(FIND, parameters);
    return row ? { deletion: row.deletion && withIsoTimes(row.deletion) } : null;
  }
}

/** PostgreSQL writes times inside JSON in its own form; this makes them ISO 8601. */
const withIsoTimes = (row: DeletionRow): DeletionRow => ({
  ...row,
  warmUntil: isoTimeOrNull(row.warmUntil),
  decidedAt: isoTime(row.decidedAt),
  completedAt: isoTimeOrNull(row.completedAt),
  restoredAt: isoTimeOrNull(row.restoredAt),
  purgeAt: isoTimeOrNull(row.purgeAt),
  work: row.work && { ...row.work, failingSince: isoTimeOrNull(row.work.failingSince), dueAt: isoTime(row.work.dueAt) },
  replicas: row.replicas.map((replica) => ({
    ...replica,
    warmUntil: isoTimeOrNull(replica.warmUntil),
    suspendedAt: isoTimeOrNull(replica.suspendedAt),
    stoppedAt: isoTimeOrNull(replica.stoppedAt),
    forceReleasedAt: isoTimeOrNull(replica.forceReleasedAt),
    releasedAt: isoTimeOrNull(replica.releasedAt),
    retryAt: isoTimeOrNull(replica.retryAt),
  })),
});

/**
 * Counts replicas that were unfinished at the deletion or still hold a reservation. $1 deployment, $2 the caller, $3 what
 * its credential reaches, $4 seconds of silence after which a node is offline, $5 generation or null, $6 how many seconds
 * requests may take that are under way.
 */
const FIND = `
  SELECT CASE WHEN x.id IS NOT NULL THEN json_build_object(
           'generation', x.generation, 'requestedBy', x.requested_by, 'requestId', x.request_id, 'operationId', x.operation_id,
           'graceSeconds', x.grace_seconds, 'force', x.force, 'warmUntil', x.warm_until,
           'retentionPolicy', x.retention_policy, 'decidedAt', x.decided_at,
           'completedAt', x.completed_at, 'restoredAt', x.restored_at,
           'purgeAt', CASE WHEN x.generation = d.generation THEN d.purge_at END,
           'routing', ${routeRemovalOf('d', 'x', '$6')},
           'work', (SELECT json_build_object('lastError', j.last_error, 'failingSince', j.failing_since, 'dueAt', j.due_at)
                      FROM jobs AS j WHERE j.kind = 'deployment.reconcile' AND j.key = d.id::text),
           'replicas', (SELECT coalesce(json_agg(json_build_object(
                                 'id', r.id, 'nodeId', n.id, 'nodeName', n.name, 'online', ${isOnline('$4')}, 'status', r.status,
                                 'publishedPorts', jsonb_array_length(r.published),
                                 'warmUntil', r.warm_until, 'suspendedAt', r.suspended_at,
                                 'stoppedAt', r.stopped_at, 'forceReleasedAt', r.force_released_at,
                                 'releasedAt', v.released_at, 'attempts', r.stop_attempts, 'lastError', r.stop_error,
                                 'retryAt', r.stop_retry_at) ORDER BY n.name, r.created_at, r.id), '[]')
                          FROM deployment_replicas AS r
                          JOIN nodes AS n ON n.id = r.node_id
                          JOIN reservations AS v ON v.replica_id = r.id
                         WHERE r.deployment_id = d.id AND r.generation <= x.generation
                           AND (v.released_at IS NULL OR v.released_at >= x.decided_at))) END AS deletion
    FROM deployments AS d
    LEFT JOIN LATERAL (SELECT * FROM deletions WHERE deployment_id = d.id AND ($5::int IS NULL OR generation = $5)
                        ORDER BY generation DESC LIMIT 1) AS x ON true
   WHERE d.id = $1 AND ${readable('d', '$2', '$3')}`;
