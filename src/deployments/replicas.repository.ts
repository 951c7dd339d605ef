import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import type { Tx } from '../database/transaction';
import type { Resources } from '../engines/resources';
import { isOnline } from '../nodes/node-status.sql';
import { canReplicaTransition, LIVE_REPLICA_STATUSES, type ReplicaStatus } from './domain/replica-status';
import { MOVE_COLUMNS, MOVED, startedAt } from './replica-moves.sql';

/** For so long a node is avoided on which a replica could not be started. */
const REMEMBERED_SECONDS = 600;

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
  /** It failed because of its node, and not because of what it runs. */
  readonly failedByNode?: true;
  /** Its container has ended well and needs no successor. */
  readonly completed?: true;
  readonly published?: readonly { containerPort: number; protocol: string; hostIp: string; hostPort: number }[];
}

/** What the engine of a running replica shows now. */
export interface ReplicaFacts {
  readonly replicaId: string;
  /** By the clock of the engine; null when that is as it was. */
  readonly startedAt: Date | null;
  readonly published: NonNullable<ReplicaMove['published']>;
  readonly paused: boolean;
}

/** A container that its machine has started again by itself, while nobody reached it. */
export interface ReplicaRestart {
  readonly replicaId: string;
  /** How often in a row the replica had failed before. */
  readonly attempt: number;
  /** How long ago that was; null: nobody knows, so the run counts from now. */
  readonly agoMs: number | null;
}

/** The replicas of a deployment that count, at one moment. */
export interface Census {
  readonly live: number;
  /** Those of this generation that have ended well and need no successor. */
  readonly completed: number;
  readonly liveByNode: ReadonlyMap<string, number>;
  /** The failed replicas of this generation that have no successor yet. */
  readonly failedIds: readonly string[];
}

/** Throws for a move that no replica may make: a mistake of the program. */
export function requireLegal(moves: readonly ReplicaMove[]): void {
  const illegal = moves.find((move) => !canReplicaTransition(move.from, move.to));
  if (illegal) throw new Error(`Replica ${illegal.replicaId} cannot move from ${illegal.from} to ${illegal.to}`);
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
    const rows = await tx.query<{ nodeId: string; live: number; completed: number; failedIds: string[] | null }[]>(CENSUS, [
      id,
      LIVE_REPLICA_STATUSES,
      generation,
    ]);
    const liveByNode = new Map(rows.filter(({ live }) => live > 0).map(({ nodeId, live }) => [nodeId, live]));
    return {
      live: rows.reduce((sum, { live }) => sum + live, 0),
      completed: rows.reduce((sum, { completed }) => sum + completed, 0),
      liveByNode,
      failedIds: rows.flatMap(({ failedIds }) => failedIds ?? []),
    };
  }

  /**
   * The nodes on which replicas of this deployment could not be started lately, with how many that were. A container that
   * started and then failed says nothing about its node.
   */
  async refusals(tx: Tx, deploymentId: string): Promise<Map<string, number>> {
    const rows = await tx.query<{ nodeId: string; refused: number }[]>(
      `SELECT node_id AS "nodeId", count(*)::int AS refused FROM deployment_replicas
        WHERE deployment_id = $1 AND status = 'failed' AND started_at IS NULL
          AND changed_at > clock_timestamp() - make_interval(secs => $2)
        GROUP BY node_id`,
      [deploymentId, REMEMBERED_SECONDS],
    );
    return new Map(rows.map(({ nodeId, refused }) => [nodeId, refused]));
  }

  /** What replicas on their way out still hold on each node, and will release; not what is kept warm. */
  async leaving(tx: Tx): Promise<Map<string, Resources>> {
    const rows = await tx.query<(Resources & { nodeId: string })[]>(LEAVING);
    return new Map(rows.map(({ nodeId, ...resources }) => [nodeId, resources]));
  }

  /** Applies all moves in one statement and returns the ids of the replicas that moved. */
  async move(tx: Tx, moves: readonly ReplicaMove[]): Promise<string[]> {
    if (moves.length === 0) return [];
    requireLegal(moves);
    const [rows] = await tx.query<[{ id: string }[], number]>(MOVE, [JSON.stringify(moves)]);
    return rows.map((row) => row.id);
  }

  /** Records what engines show of replicas that are still running: a restart by hand, other host ports, a pause. */
  async refresh(tx: Tx, facts: readonly ReplicaFacts[]): Promise<void> {
    if (facts.length > 0) await tx.query(REFRESH, [JSON.stringify(facts)]);
  }

  /** Goes on with the count of failures where the machines of these replicas were. Each replica is named once. */
  async noteRestarts(tx: Tx, restarts: readonly ReplicaRestart[]): Promise<void> {
    if (restarts.length > 0) await tx.query(NOTE_RESTARTS, [JSON.stringify(restarts)]);
  }

  /** Records what starts wait for, in words. */
  async noteReasons(tx: Tx, notes: readonly { readonly replicaId: string; readonly words: string }[]): Promise<void> {
    if (notes.length === 0) return;
    await tx.query(
      `UPDATE deployment_replicas AS r SET reason = n.words
         FROM unnest($1::uuid[], $2::text[]) AS n(id, words) WHERE r.id = n.id AND r.status = 'starting'`,
      [notes.map(({ replicaId }) => replicaId), notes.map(({ words }) => words)],
    );
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

const LEAVING = `
  SELECT v.node_id AS "nodeId", sum(v.cpu_cores)::float8 AS "cpuCores", sum(v.memory_mb)::int AS "memoryMb",
         sum(v.gpu_units)::int AS "gpuUnits", sum(v.storage_gb)::int AS "storageGb"
    FROM deployment_replicas AS r JOIN reservations AS v ON v.replica_id = r.id AND v.released_at IS NULL
   WHERE r.status = 'stopping' AND (r.warm_until IS NULL OR r.warm_until <= clock_timestamp())
      OR r.status = 'failed' AND r.superseded_at IS NULL
   GROUP BY v.node_id`;

/** $1 deployment, $2 statuses of live replicas, $3 generation. */
const CENSUS = `
  SELECT node_id AS "nodeId", count(*) FILTER (WHERE status = ANY($2::text[]))::int AS live,
         count(*) FILTER (WHERE completed_at IS NOT NULL)::int AS completed,
         array_agg(id) FILTER (WHERE status = 'failed') AS "failedIds"
    FROM deployment_replicas
   WHERE deployment_id = $1
     AND (status = ANY($2::text[])
          OR (status = 'failed' OR completed_at IS NOT NULL) AND generation = $3 AND superseded_at IS NULL)
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

/** $1 what engines show of running replicas. */
const REFRESH = `
  UPDATE deployment_replicas AS r
     SET started_at = ${startedAt('r', 'f')}, engine_started_at = coalesce(f."startedAt", r.engine_started_at),
         published = f.published,
         paused_at = CASE WHEN f.paused THEN coalesce(r.paused_at, clock_timestamp()) END
    FROM jsonb_to_recordset($1::jsonb) AS f("replicaId" uuid, "startedAt" timestamptz, published jsonb, paused boolean)
   WHERE r.id = f."replicaId" AND r.status = 'running'`;

/** $1 restarts. One that has failed since, and has no successor yet, gets it after the pause that follows from this. */
const NOTE_RESTARTS = `
  UPDATE deployment_replicas AS r
     SET attempt = s.attempt,
         running_at = CASE WHEN r.status = 'starting' THEN r.running_at
                           ELSE least(clock_timestamp() - coalesce(s."agoMs", 0) * interval '1 millisecond',
                                      CASE r.status WHEN 'failed' THEN r.changed_at END) END
    FROM jsonb_to_recordset($1::jsonb) AS s("replicaId" uuid, attempt integer, "agoMs" float8)
   WHERE r.id = s."replicaId" AND (r.status IN ('starting', 'running') OR r.status = 'failed' AND r.superseded_at IS NULL)`;

/** $1 the moves. */
const MOVE = `
  UPDATE deployment_replicas AS r
     SET ${MOVED}
    FROM jsonb_to_recordset($1::jsonb) AS m(${MOVE_COLUMNS})
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
