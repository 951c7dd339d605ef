import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import type { Tx } from '../database/transaction';
import { isOnline } from '../nodes/node-status.sql';
import { canReplicaTransition, LIVE_REPLICA_STATUSES, type ReplicaStatus } from './domain/replica-status';

export interface StoppedReplica {
  readonly id: string;
  readonly from: ReplicaStatus;
}

/** A status change of one replica. It is applied only while the replica's status is `from`. */
export interface ReplicaMove {
  readonly replicaId: string;
  readonly from: ReplicaStatus;
  readonly to: ReplicaStatus;
  /** Null clears the reason. */
  readonly reason: string | null;
  readonly containerId?: string;
  readonly startedAt?: Date;
  readonly published?: readonly { containerPort: number; protocol: string; hostIp: string; hostPort: number }[];
}

/** The replicas of a deployment that count, at one moment. */
export interface Census {
  readonly live: number;
  readonly liveByNode: ReadonlyMap<string, number>;
  /** The failed replicas of this generation that have no successor yet. */
  readonly failedIds: readonly string[];
}

/** Every write to `deployment_replicas`. Callers hold the lock of the deployment row. */
@Injectable()
export class ReplicasRepository {
  constructor(private readonly config: AppConfig) {}

  /**
   * Ends live replicas: `pending` ones are stopped (no engine knows them), the others become `stopping` and keep their
   * reservation until the engine confirms that they are gone. With a limit, replicas on nodes without an answer end first, then
   * those that do not run yet, then the oldest. One statement, whatever their number.
   */
  async stop(tx: Tx, deploymentId: string, options: { reason: string; limit?: number }): Promise<StoppedReplica[]> {
    const [rows] = await tx.query<[StoppedReplica[], number]>(STOP, [
      deploymentId,
      LIVE_REPLICA_STATUSES,
      options.limit ?? null,
      options.reason,
      this.config.NODE_OFFLINE_AFTER_SECONDS,
    ]);
    return rows;
  }

  async census(tx: Tx, { id, generation }: { id: string; generation: number }): Promise<Census> {
    const rows = await tx.query<{ nodeId: string; live: number; failedIds: string[] | null }[]>(CENSUS, [
      id,
      LIVE_REPLICA_STATUSES,
      generation,
    ]);
    const liveByNode = new Map(rows.filter(({ live }) => live > 0).map(({ nodeId, live }) => [nodeId, live]));
    return {
      live: rows.reduce((sum, { live }) => sum + live, 0),
      liveByNode,
      failedIds: rows.flatMap(({ failedIds }) => failedIds ?? []),
    };
  }

  /** Applies all moves in one statement and returns the ids of the replicas that moved. */
  async move(tx: Tx, moves: readonly ReplicaMove[]): Promise<string[]> {
    if (moves.length === 0) return [];
    const illegal = moves.find((move) => !canReplicaTransition(move.from, move.to));
    if (illegal) throw new Error(`Replica ${illegal.replicaId} cannot move from ${illegal.from} to ${illegal.to}`);
    const [rows] = await tx.query<[{ id: string }[], number]>(MOVE, [JSON.stringify(moves)]);
    return rows.map((row) => row.id);
  }

  /** Marks failed replicas that no longer count for health, because they have successors or fewer replicas are wanted. */
  async supersede(tx: Tx, replicaIds: readonly string[]): Promise<void> {
    if (replicaIds.length === 0) return;
    await tx.query(
      `UPDATE deployment_replicas SET superseded_at = clock_timestamp(), changed_at = clock_timestamp()
        WHERE id = ANY($1::uuid[]) AND superseded_at IS NULL`,
      [replicaIds],
    );
  }

  /** Records that the containers of these replicas are suspended, and which of their runs has ended. */
  async suspend(tx: Tx, suspended: readonly { readonly replicaId: string; readonly runAt: Date }[]): Promise<void> {
    if (suspended.length > 0) await tx.query(SUSPEND, [JSON.stringify(suspended)]);
  }

  /**
   * Records failed attempts to stop replicas that are still `stopping`, and when the next attempt is due. Returns the attempts
   * of the replica with the most, before and now; null when none of them is stopping any more.
   */
  async noteStopFailures(
    tx: Tx,
    failures: readonly { readonly replicaId: string; readonly words: string }[],
    retryAfterMs: number,
  ): Promise<{ before: number; now: number } | null> {
    const [row] = await tx.query<{ before: number | null; now: number | null }[]>(NOTE_STOP_FAILURES, [
      JSON.stringify(failures.map(({ replicaId, words }) => ({ replicaId, words: words.slice(0, 500) }))),
      retryAfterMs,
    ]);
    return row?.now == null || row.before == null ? null : { before: row.before, now: row.now };
  }

  /**
   * Shows users what a starting replica is doing, such as the progress of a pull. It needs no lock, because nothing is decided
   * by it.
   */
  async noteProgress(
    manager: { query(sql: string, parameters: unknown[]): Promise<unknown> },
    replicaId: string,
    words: string,
  ): Promise<void> {
    await manager.query(`UPDATE deployment_replicas SET reason = $2 WHERE id = $1 AND status = 'starting'`, [
      replicaId,
      words.slice(0, 500),
    ]);
  }
}

/** $1 deployment, $2 statuses of live replicas, $3 generation. */
const CENSUS = `
  SELECT node_id AS "nodeId", count(*) FILTER (WHERE status <> 'failed')::int AS live,
         array_agg(id) FILTER (WHERE status = 'failed') AS "failedIds"
    FROM deployment_replicas
   WHERE deployment_id = $1
     AND (status = ANY($2::text[]) OR status = 'failed' AND generation = $3 AND superseded_at IS NULL)
   GROUP BY node_id`;

/**
 * $1 deployment, $2 statuses of live replicas, $3 how many at most (null: all), $4 reason, $5 seconds of silence after which a
 * node is offline.
 */
const STOP = `
  WITH ending AS (
    SELECT r.id, r.status FROM deployment_replicas AS r JOIN nodes AS n ON n.id = r.node_id
     WHERE r.deployment_id = $1 AND r.status = ANY($2::text[])
     ORDER BY ${isOnline('$5')}, r.status = 'running', r.created_at, r.id LIMIT $3)
  UPDATE deployment_replicas AS r
     SET status = CASE WHEN e.status = 'pending' THEN 'stopped' ELSE 'stopping' END,
         stopped_at = CASE WHEN e.status = 'pending' THEN clock_timestamp() END,
         changed_at = clock_timestamp(), reason = $4
    FROM ending AS e
   WHERE r.id = e.id
  RETURNING r.id, e.status AS "from"`;

/** $1 the moves. */
const MOVE = `
  UPDATE deployment_replicas AS r
     SET status = m."to", reason = m.reason, changed_at = clock_timestamp(),
         container_id = coalesce(m."containerId", r.container_id),
         published = coalesce(m.published, r.published),
         stop_error = NULL, stop_retry_at = NULL,
         started_at = coalesce(r.started_at, m."startedAt", CASE WHEN m."to" = 'running' THEN clock_timestamp() END),
         stopped_at = CASE WHEN m."to" IN ('stopped', 'failed') THEN clock_timestamp() ELSE r.stopped_at END
    FROM jsonb_to_recordset($1::jsonb)
           AS m("replicaId" uuid, "from" text, "to" text, reason text, "containerId" text, "startedAt" timestamptz,
                published jsonb)
   WHERE r.id = m."replicaId" AND r.status = m."from"
  RETURNING r.id`;

/** $1 replicas, each with the time when the run that ended had begun. */
const SUSPEND = `
  UPDATE deployment_replicas AS r
     SET suspended_at = clock_timestamp(), suspended_run_at = p."runAt", changed_at = clock_timestamp(),
         stop_error = NULL, stop_retry_at = NULL,
         reason = 'Kept warm until ' || to_char(r.warm_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    FROM jsonb_to_recordset($1::jsonb) AS p("replicaId" uuid, "runAt" timestamptz)
   WHERE r.id = p."replicaId" AND r.status = 'stopping' AND r.warm_until IS NOT NULL`;

/** $1 replicas, each with the words why; $2 milliseconds until the next attempt. */
const NOTE_STOP_FAILURES = `
  WITH noted AS (
    UPDATE deployment_replicas AS r
       SET stop_attempts = r.stop_attempts + 1, stop_error = f.words,
           stop_retry_at = clock_timestamp() + make_interval(secs => $2::float8 / 1000)
      FROM jsonb_to_recordset($1::jsonb) AS f("replicaId" uuid, words text)
     WHERE r.id = f."replicaId" AND r.status = 'stopping'
    RETURNING r.stop_attempts)
  SELECT max(stop_attempts) - 1 AS before, max(stop_attempts) AS now FROM noted`;
