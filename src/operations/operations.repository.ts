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

  /** Changes the status of an operation that has not ended. `reason` says in words why it waits, failed or was cancelled. */
  async changeStatus(tx: Tx, id: string, { status, reason }: { status: OperationStatus; reason: string | null }): Promise<void> {
    await tx.query(CHANGE_STATUS, [id, status, reason]);
    this.watch.announce(tx, id);
  }

  /** Lets the operation run again, beyond the limit of the brake. */
  async confirm(tx: Tx, id: string, userId: string): Promise<void> {
    await tx.query(CONFIRM, [id, userId]);
    this.watch.announce(tx, id);
  }

  /** Gives a running operation without a job a new one, and removes old operations with their items. */
  async upkeep(manager: Pick<Tx, 'query'>): Promise<void> {
    await manager.query(ENQUEUE_LOST);
    await manager.query(REMOVE_OLD, [KEPT_DAYS]);
  }
}

/** $1 kind, $2 user, $3 options, $4 origin, $5 all or nothing, $6 ids of the deployments. */
const INSERT = `
  WITH created AS (
    INSERT INTO operations (kind, status, user_id, options, origin, all_or_nothing)
    VALUES ($1, 'running', $2, $3, $4, $5) RETURNING id),
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

/** $1 operation, $2 status, $3 reason. */
const CHANGE_STATUS = `
  UPDATE operations
     SET status = $2, reason = $3, updated_at = clock_timestamp(),
         finished_at = CASE WHEN $2 IN ('completed','failed','cancelled') THEN clock_timestamp() END
   WHERE id = $1 AND finished_at IS NULL`;

/** $1 operation, $2 the administrator. */
const CONFIRM = `
  UPDATE operations
     SET status = 'running', reason = NULL, confirmed_by = $2, confirmed_at = clock_timestamp(), updated_at = clock_timestamp()
   WHERE id = $1`;

const ENQUEUE_LOST = `
  INSERT INTO jobs (kind, key) SELECT 'operation.run', id::text FROM operations WHERE status = 'running' ORDER BY id
      ON CONFLICT (kind, key) DO NOTHING`;

/** $1 how many days operations are kept after their end. */
const REMOVE_OLD = `
  DELETE FROM operations WHERE id IN (
    SELECT id FROM operations WHERE finished_at < now() - make_interval(days => $1) ORDER BY finished_at LIMIT 100)`;
