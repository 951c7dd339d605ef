import { Injectable } from '@nestjs/common';
import { visibleTo } from '../common/visibility';
import { afterCommit, type Tx } from '../database/transaction';
import { PubSub } from '../database/pub-sub';
import type { BrakeReading } from './brake';
import type { BulkOptions, ItemOutcome, KnownOperation, LockedOperation, OperationKind, OperationStatus, Origin } from './operation.types';

/** The channel that tells, by its id, that an operation has moved. */
export const OPERATION_CHANNEL = 'fog_operation';

const KEPT_DAYS = 30;

export interface NewOperation {
  readonly kind: OperationKind;
  readonly userId: string;
  /** Null for a restore. */
  readonly options: BulkOptions | null;
  readonly origin: Origin;
  readonly allOrNothing: boolean;
  readonly deploymentIds: readonly string[];
}

/** Every write to `operations` and their items. Its row is locked before any deployment's, the first in the order of locks. */
@Injectable()
export class OperationsRepository {
  constructor(private readonly pubSub: PubSub) {}

  async insert(tx: Tx, { kind, userId, options, origin, allOrNothing, deploymentIds }: NewOperation): Promise<string> {
    const [row] = await tx.query<{ id: string }[]>(INSERT, [
      userId,
      JSON.stringify(options ?? {}),
      JSON.stringify(origin),
      allOrNothing,
      deploymentIds,
      kind,
    ]);
    if (!row) throw new Error('The operation was not recorded');
    return row.id;
  }

  /** As it is now, without waiting for whoever works on it. Null: there is none. */
  async look(manager: Pick<Tx, 'query'>, id: string): Promise<KnownOperation | null> {
    const [row] = await manager.query<KnownOperation[]>(`${KNOWN} WHERE o.id = $1`, [id]);
    return row ?? null;
  }

  /** For its worker. Null: there is none. */
  async lock(tx: Tx, id: string): Promise<LockedOperation | null> {
    const [row] = await tx.query<LockedOperation[]>(`${KNOWN} WHERE o.id = $1 FOR UPDATE OF o`, [id]);
    return row ?? null;
  }

  /** Null when it is missing or neither the actor's own nor the actor an administrator. */
  async lockFor(tx: Tx, id: string, actor: { userId: string; isAdmin: boolean }): Promise<LockedOperation | null> {
    const [row] = await tx.query<LockedOperation[]>(`${KNOWN} WHERE o.id = $1 AND ${visibleTo('o', '$2', '$3')} FOR UPDATE OF o`, [
      id,
      actor.userId,
      actor.isAdmin,
    ]);
    return row ?? null;
  }

  /** The next deployments that nothing has been decided about, in the order of the request. */
  async pending(manager: Pick<Tx, 'query'>, id: string, limit: number): Promise<string[]> {
    const rows = await manager.query<{ id: string }[]>(
      `SELECT deployment_id AS id FROM operation_items WHERE operation_id = $1 AND state = 'pending' ORDER BY position LIMIT $2`,
      [id, limit],
    );
    return rows.map((row) => row.id);
  }

  /** The deployments that this operation has deleted, in the order of the request. */
  async deletedBy(tx: Tx, id: string): Promise<string[]> {
    const rows = await tx.query<{ id: string }[]>(
      `SELECT deployment_id AS id FROM operation_items WHERE operation_id = $1 AND state = 'deleted' ORDER BY position`,
      [id],
    );
    return rows.map((row) => row.id);
  }

  async decided(tx: Tx, id: string, outcomes: readonly ItemOutcome[]): Promise<void> {
    await tx.query(DECIDED, [id, JSON.stringify(outcomes)]);
    this.tellAfterCommit(tx, id);
  }

  /** Takes what is still pending out of the operation, with the reason. Returns how many that were. */
  async cancelPending(tx: Tx, id: string, reason: string): Promise<number> {
    const [, count] = await tx.query<[unknown[], number]>(
      `UPDATE operation_items SET state = 'cancelled', detail = $2, decided_at = clock_timestamp() WHERE operation_id = $1 AND state = 'pending'`,
      [id, reason],
    );
    return count;
  }

  async changeStatus(tx: Tx, id: string, status: OperationStatus, reason: string | null): Promise<void> {
    await tx.query(
      `UPDATE operations
          SET status = $2, reason = $3, updated_at = clock_timestamp(),
              finished_at = CASE WHEN $2 IN ('completed','failed','cancelled') THEN clock_timestamp() END
        WHERE id = $1 AND finished_at IS NULL`,
      [id, status, reason],
    );
    this.tellAfterCommit(tx, id);
  }

  async confirm(tx: Tx, id: string, userId: string): Promise<void> {
    await tx.query(
      `UPDATE operations
          SET status = 'running', reason = NULL, confirmed_by = $2, confirmed_at = clock_timestamp(), updated_at = clock_timestamp()
        WHERE id = $1`,
      [id, userId],
    );
    this.tellAfterCommit(tx, id);
  }

  /** From here to the end of the transaction no other operation weighs: two cannot both take the rest of what is allowed. */
  async weigh(tx: Tx, id: string): Promise<BrakeReading> {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtext('fog-compute bulk deletion'))`);
    const fleet = await this.readFleet(tx);
    const [row] = await tx.query<{ wanted: number }[]>(WANTED, [id]);
    return { ...fleet, wanted: row?.wanted ?? 0 };
  }

  async readFleet(tx: Tx): Promise<Omit<BrakeReading, 'wanted'>> {
    const [row] = await tx.query<Omit<BrakeReading, 'wanted'>[]>(FLEET);
    return row ?? { live: 0, deletedLately: 0 };
  }

  /** The safety net: a running operation without a job gets one. And what has ended long ago goes, with its items. */
  async upkeep(manager: Pick<Tx, 'query'>): Promise<void> {
    await manager.query(
      `INSERT INTO jobs (kind, key) SELECT 'operation.run', id::text FROM operations WHERE status = 'running' ORDER BY id
           ON CONFLICT (kind, key) DO NOTHING`,
    );
    await manager.query(
      `DELETE FROM operations WHERE id IN (
         SELECT id FROM operations WHERE finished_at < now() - make_interval(days => $1) ORDER BY finished_at LIMIT 100)`,
      [KEPT_DAYS],
    );
  }

  private tellAfterCommit(tx: Tx, id: string): void {
    afterCommit(tx, () => this.pubSub.publish(OPERATION_CHANNEL, id));
  }
}

const INSERT = `
  WITH created AS (
    INSERT INTO operations (kind, status, user_id, options, origin, all_or_nothing)
    VALUES ($6, 'running', $1, $2, $3, $4) RETURNING id),
  items AS (
    INSERT INTO operation_items (operation_id, position, deployment_id)
    SELECT created.id, wanted.position, wanted.id
      FROM created, unnest($5::uuid[]) WITH ORDINALITY AS wanted(id, position))
  SELECT id FROM created`;

const KNOWN = `
  SELECT o.id, o.kind, o.status, o.options, o.origin, o.all_or_nothing AS "allOrNothing", o.confirmed_at IS NOT NULL AS confirmed,
         o.user_id AS "userId", u.username, u.is_active AS "isActive", u.is_admin AS "isAdmin"
    FROM operations AS o JOIN users AS u ON u.id = o.user_id`;

const DECIDED = `
  WITH outcomes AS (
    UPDATE operation_items AS i SET state = o.state, code = o.code, detail = o.detail, decided_at = clock_timestamp()
      FROM jsonb_to_recordset($2::jsonb) AS o("deploymentId" uuid, state text, code text, detail text)
     WHERE i.operation_id = $1 AND i.deployment_id = o."deploymentId" AND i.state = 'pending')
  UPDATE operations SET updated_at = clock_timestamp() WHERE id = $1`;

const FLEET = `
  SELECT (SELECT count(*)::int FROM deployments WHERE deleted_at IS NULL) AS live,
         (SELECT count(*)::int FROM deletions AS x JOIN operations AS o ON o.id = x.operation_id
           WHERE x.decided_at > now() - interval '1 hour' AND o.confirmed_at IS NULL) AS "deletedLately"`;

const WANTED = `
  SELECT count(*)::int AS wanted FROM operation_items AS i JOIN deployments AS d ON d.id = i.deployment_id
   WHERE i.operation_id = $1 AND i.state = 'pending' AND d.deleted_at IS NULL`;
