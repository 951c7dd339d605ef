import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction';
import { canReplicaTransition, LIVE_REPLICA_STATUSES, type ReplicaStatus } from './domain/replica-status';

export interface StoppedReplica {
  readonly id: string;
  readonly from: ReplicaStatus;
}

/** One change of one replica. Applied only while the replica still is in `from`. */
export interface ReplicaMove {
  readonly replicaId: string;
  readonly from: ReplicaStatus;
  readonly to: ReplicaStatus;
  /** Null clears it. */
  readonly reason: string | null;
  readonly containerId?: string;
  readonly startedAt?: Date;
  readonly published?: readonly { containerPort: number; protocol: string; hostIp: string; hostPort: number }[];
}

export interface NewReplica {
  readonly nodeId: string;
  /** How many failed predecessors this one has in a row. */
  readonly attempt: number;
}

/** Every write to `deployment_replicas`. Callers hold the lock of the deployment row. */
@Injectable()
export class ReplicasRepository {
  /**
   * Ends live replicas: `pending` ones are stopped (no engine knows them), the others become `stopping` and keep their
   * reservation until the engine confirms. With a limit the oldest go first. One statement, whatever their number.
   */
  async stop(tx: Tx, deploymentId: string, options: { reason: string; limit?: number }): Promise<StoppedReplica[]> {
    const [rows] = await tx.query<[StoppedReplica[], number]>(STOP, [
      deploymentId,
      LIVE_REPLICA_STATUSES,
      options.limit ?? null,
      options.reason,
    ]);
    return rows;
  }

  async countLive(tx: Tx, deploymentId: string): Promise<number> {
    const [row] = await tx.query<{ count: number }[]>(
      `SELECT count(*)::int AS count FROM deployment_replicas WHERE deployment_id = $1 AND status = ANY($2::text[])`,
      [deploymentId, LIVE_REPLICA_STATUSES],
    );
    return row?.count ?? 0;
  }

  /** Live replicas of the deployment per node. */
  async liveByNode(tx: Tx, deploymentId: string): Promise<Map<string, number>> {
    const rows = await tx.query<{ nodeId: string; count: number }[]>(
      `SELECT node_id AS "nodeId", count(*)::int AS count FROM deployment_replicas
        WHERE deployment_id = $1 AND status = ANY($2::text[]) GROUP BY node_id`,
      [deploymentId, LIVE_REPLICA_STATUSES],
    );
    return new Map(rows.map((row) => [row.nodeId, row.count]));
  }

  async insert(
    tx: Tx,
    into: { deploymentId: string; generation: number; placementId: string },
    replicas: readonly NewReplica[],
  ): Promise<string[]> {
    const rows = await tx.query<{ id: string }[]>(
      `INSERT INTO deployment_replicas (deployment_id, generation, placement_id, node_id, attempt)
       SELECT $1, $2, $3, "nodeId", attempt FROM jsonb_to_recordset($4::jsonb) AS wanted("nodeId" uuid, attempt int)
       RETURNING id`,
      [into.deploymentId, into.generation, into.placementId, JSON.stringify(replicas)],
    );
    return rows.map((row) => row.id);
  }

  /** Applies all moves in one statement and returns the ids of those that applied. */
  async move(tx: Tx, moves: readonly ReplicaMove[]): Promise<string[]> {
    if (moves.length === 0) return [];
    const illegal = moves.find((move) => !canReplicaTransition(move.from, move.to));
    if (illegal) throw new Error(`Replica ${illegal.replicaId} cannot move from ${illegal.from} to ${illegal.to}`);
    const [rows] = await tx.query<[{ id: string }[], number]>(MOVE, [JSON.stringify(moves)]);
    return rows.map((row) => row.id);
  }

  /** Failed replicas that no longer count for health, because others took their place or fewer are wanted. */
  async supersede(tx: Tx, replicaIds: readonly string[]): Promise<void> {
    if (replicaIds.length === 0) return;
    await tx.query(
      `UPDATE deployment_replicas SET superseded_at = clock_timestamp(), changed_at = clock_timestamp()
        WHERE id = ANY($1::uuid[]) AND superseded_at IS NULL`,
      [replicaIds],
    );
  }

  /** The failed replicas of this generation that nothing has replaced yet, oldest first. */
  async unreplacedFailures(tx: Tx, deploymentId: string, generation: number): Promise<{ id: string; attempt: number }[]> {
    return tx.query(
      `SELECT id, attempt FROM deployment_replicas
        WHERE deployment_id = $1 AND generation = $2 AND status = 'failed' AND superseded_at IS NULL ORDER BY created_at, id`,
      [deploymentId, generation],
    );
  }

  /** Shows people what a starting replica is doing, such as the progress of a pull. No lock: it decides nothing. */
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

const STOP = `
  WITH ending AS (
    SELECT id, status FROM deployment_replicas
     WHERE deployment_id = $1 AND status = ANY($2::text[])
     ORDER BY created_at, id LIMIT $3)
  UPDATE deployment_replicas AS r
     SET status = CASE WHEN e.status = 'pending' THEN 'stopped' ELSE 'stopping' END,
         stopped_at = CASE WHEN e.status = 'pending' THEN clock_timestamp() END,
         changed_at = clock_timestamp(), reason = $4
    FROM ending AS e
   WHERE r.id = e.id
  RETURNING r.id, e.status AS "from"`;

const MOVE = `
  UPDATE deployment_replicas AS r
     SET status = m."to", reason = m.reason, changed_at = clock_timestamp(),
         container_id = coalesce(m."containerId", r.container_id),
         published = coalesce(m.published, r.published),
         started_at = coalesce(r.started_at, m."startedAt", CASE WHEN m."to" = 'running' THEN clock_timestamp() END),
         stopped_at = CASE WHEN m."to" IN ('stopped', 'failed') THEN clock_timestamp() ELSE r.stopped_at END
    FROM jsonb_to_recordset($1::jsonb)
           AS m("replicaId" uuid, "from" text, "to" text, reason text, "containerId" text, "startedAt" timestamptz, published jsonb)
   WHERE r.id = m."replicaId" AND r.status = m."from"
  RETURNING r.id`;
