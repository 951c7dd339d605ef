import { Injectable } from '@nestjs/common';
import type { Actor } from '../common/request-context';
import { visibleTo } from '../common/visibility';
import type { Tx } from '../database/transaction';
import type { TeardownOptions } from '../deletions/teardown-options';
import type { KnownOperation, LockedOperation, OperationKind, OperationStatus, Origin } from './operation.types';
import { OperationWatch } from './operation-watch';

const KEPT_DAYS = 30;

export interface NewOperation {
  readonly kind: OperationKind;
  readonly userId: string;
  /** Null for a restore. */
  readonly options: TeardownOptions | null;
  readonly origin: Origin;
  readonly allOrNothing: boolean;
  readonly deploymentIds: readonly string[];
}

export interface StatusOfOperation {
  readonly status: OperationStatus;
  /** Why it waits, failed or was cancelled, in words. */
  readonly reason: string | null;
  /** The words for administrators, where they tell more. */
  readonly adminReason?: string | null;
}

/** Every write to `operations`. The row of an operation comes first in the order of locks, before any row of a deployment. */
@Injectable()
export class OperationsRepository {
  constructor(private readonly watch: OperationWatch) {}

  /** Writes an operation with its items, in the order of `deploymentIds`, and gives its id. */
  async insert(tx: Tx, { kind, userId, options, origin, allOrNothing, deploymentIds }: NewOperation): Promise<string> {
    const values = [kind, userId, JSON.stringify(options ?? {}), JSON.stringify(origin), allOrNothing, deploymentIds];
    const [row] = await tx.query<{ id: string }[]>(INSERT, values);
    if (!row) throw new Error('The operation was not recorded');
    return row.id;
  }

  /** Reads an operation without waiting for the job that has it locked. Null: there is none. */
  async look(manager: Pick<Tx, 'query'>, id: string): Promise<KnownOperation | null> {
    const [row] = await manager.query<KnownOperation[]>(KNOWN, [id]);
    return row ?? null;
  }

  /** Locks an operation for its job. Null: there is none. */
  async lock(tx: Tx, id: string): Promise<LockedOperation | null> {
    const [row] = await tx.query<LockedOperation[]>(`${KNOWN} FOR UPDATE OF o`, [id]);
    return row ?? null;
  }

  /**
   * Locks an operation for a request. Null when it is missing, or when it is not the actor's own and the actor is no
   * administrator.
   */
  async lockFor(tx: Tx, id: string, { userId, isAdmin }: Pick<Actor, 'userId' | 'isAdmin'>): Promise<LockedOperation | null> {
    const text = `${KNOWN} AND ${visibleTo('o', '$2', '$3')} FOR UPDATE OF o`;
    const [row] = await tx.query<LockedOperation[]>(text, [id, userId, isAdmin]);
    return row ?? null;
  }

  /** What a user has: operations that have not ended, and items of all that are still kept. */
  async heldBy(tx: Tx, userId: string): Promise<{ open: number; items: number }> {
    const [row] = await tx.query<{ open: number; items: number }[]>(HELD, [userId]);
    return row ?? { open: 0, items: 0 };
  }

  /** Changes the status of an operation that has not ended. */
  async changeStatus(tx: Tx, id: string, { status, reason, adminReason = null }: StatusOfOperation): Promise<void> {
    await tx.query(CHANGE_STATUS, [id, status, reason, adminReason]);
    this.watch.announce(tx, id);
  }

  /** Lets the operation run again, beyond the limit of the brake. */
  async confirm(tx: Tx, id: string, userId: string): Promise<void> {
    await tx.query(CONFIRM, [id, userId]);
    this.watch.announce(tx, id);
  }

  /** Gives a running operation without a job a new one. */
  async enqueueLost(manager: Pick<Tx, 'query'>): Promise<void> {
    await manager.query(ENQUEUE_LOST);
  }

  /** Removes old operations with their items. Not to be called while a step of the clock is not confirmed. */
  async removeOld(manager: Pick<Tx, 'query'>): Promise<void> {
    await manager.query(REMOVE_OLD, [KEPT_DAYS]);
  }
}

/** $1 kind, $2 user, $3 options, $4 origin, $5 all or nothing, $6 ids of the deployments; with none of them it has ended. */
const INSERT = `
  WITH created AS (
    INSERT INTO operations (kind, user_id, options, origin, all_or_nothing, item_count, status, finished_at)
    SELECT $1, $2, $3, $4, $5, cardinality($6::uuid[]),
           CASE WHEN cardinality($6::uuid[]) = 0 THEN 'completed' ELSE 'running' END,
           CASE WHEN cardinality($6::uuid[]) = 0 THEN clock_timestamp() END
    RETURNING id),
  items AS (
    INSERT INTO operation_items (operation_id, position, deployment_id)
    SELECT created.id, wanted.position, wanted.id
      FROM created, unnest($6::uuid[]) WITH ORDINALITY AS wanted(id, position))
  SELECT id FROM created`;

/** $1 operation. */
const KNOWN = `
  SELECT o.id, o.kind, o.status, o.options, o.origin, o.all_or_nothing AS "allOrNothing",
         o.confirmed_at IS NOT NULL AS confirmed,
         o.user_id AS "userId", u.username, u.is_active AS "isActive", u.is_admin AS "isAdmin"
    FROM operations AS o JOIN users AS u ON u.id = o.user_id
   WHERE o.id = $1`;

/** $1 user. */
const HELD = `
  SELECT count(*) FILTER (WHERE finished_at IS NULL)::int AS open, coalesce(sum(item_count), 0)::int AS items
    FROM operations WHERE user_id = $1`;

/** $1 operation, $2 status, $3 reason, $4 reason for administrators. */
const CHANGE_STATUS = `
  UPDATE operations
     SET status = $2, reason = $3, admin_reason = $4, updated_at = clock_timestamp(),
         finished_at = CASE WHEN $2 IN ('completed','failed','cancelled') THEN clock_timestamp() END
   WHERE id = $1 AND finished_at IS NULL`;

/** $1 operation, $2 the administrator. */
const CONFIRM = `
  UPDATE operations
     SET status = 'running', reason = NULL, admin_reason = NULL, confirmed_by = $2, confirmed_at = clock_timestamp(),
         updated_at = clock_timestamp()
   WHERE id = $1`;

const ENQUEUE_LOST = `
  INSERT INTO jobs (kind, key) SELECT 'operation.run', id::text FROM operations WHERE status = 'running' ORDER BY id
      ON CONFLICT (kind, key) DO NOTHING`;

/** $1 how many days operations are kept after their end. */
const REMOVE_OLD = `
  DELETE FROM operations WHERE id IN (
    SELECT id FROM operations WHERE finished_at < now() - make_interval(days => $1) ORDER BY finished_at LIMIT 100)`;
