import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import type { Tx } from '../database/transaction';
import { endOrdersOf } from '../runtime/agent/purged-orders';
import type { PurgeFacts } from './purge-block';
import { PURGED_TABLES, type PurgedRows } from './purge-tables';

/** A deployment as the purge sees it. `rows`: how many rows belong to it, by table. */
export interface PurgeCandidate extends PurgeFacts {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  /** The counter behind the `ETag`. */
  readonly version: number;
  readonly type: string;
  readonly image: string;
  readonly deletedAt: Date | null;
  readonly retentionPolicy: string | null;
  readonly rows: PurgedRows;
}

/** How many deployments are due, and what stops their purge. */
export interface DueCounts {
  readonly due: number;
  readonly legalHold: number;
  readonly teardownOpen: number;
  /** How many nothing stops. */
  readonly purgeable: number;
  readonly purgedLastHour: number;
}

/** The SQL of the purge. Each method is one statement, or a constant number of them, whatever the number of rows. */
@Injectable()
export class PurgeRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Lets this transaction remove rows that are otherwise append-only. Triggers still check that their time has come. */
  async begin(tx: Tx): Promise<void> {
    await tx.query(`SELECT set_config('fog.operation', 'purge', true)`);
  }

  /** The same for the background, where one process purges at a time: false when another one is purging now. */
  async beginBatch(tx: Tx): Promise<boolean> {
    const [row] = await tx.query<{ mine: boolean }[]>(
      `SELECT set_config('fog.operation', 'purge', true), pg_try_advisory_xact_lock(hashtext('fog-compute purge')) AS mine`,
    );
    return row?.mine ?? false;
  }

  /** How many were purged in the last hour, by the background and by administrators. */
  async purgedLastHour(tx: Tx): Promise<number> {
    const [row] = await tx.query<{ purged: number }[]>(`SELECT ${PURGED_LAST_HOUR} AS purged`);
    return row?.purged ?? 0;
  }

  /** Locks deployments that are due, the longest overdue first. Skips those that another transaction has locked. */
  async lockDue(tx: Tx, limit: number): Promise<string[]> {
    const rows = await tx.query<{ id: string }[]>(LOCK_DUE, [limit]);
    return rows.map(({ id }) => id);
  }

  /** Locks a deployment, and waits for other locks on it. False: there is no such deployment. */
  async lock(tx: Tx, id: string): Promise<boolean> {
    const rows = await tx.query<unknown[]>(`SELECT 1 FROM deployments WHERE id = $1 FOR UPDATE`, [id]);
    return rows.length > 0;
  }

  /**
   * Call this after the lock and not in the same statement: a statement that has waited for a row sees other tables as
   * they were before it waited.
   */
  async candidates(manager: EntityManager, ids: readonly string[]): Promise<PurgeCandidate[]> {
    return manager.query<PurgeCandidate[]>(CANDIDATES, [ids]);
  }

  async find(id: string): Promise<PurgeCandidate | undefined> {
    const [candidate] = await this.candidates(this.dataSource.manager, [id]);
    return candidate;
  }

  /** Sets the purge time to now, when an administrator overrides the retention, in the transaction that purges. */
  async bringForward(tx: Tx, id: string): Promise<void> {
    await tx.query(`UPDATE deployments SET purge_at = now() WHERE id = $1 AND (purge_at IS NULL OR purge_at > now())`, [id]);
  }

  /**
   * Removes all rows of these deployments, children first, and keeps their ids. What agents were ordered ends. A guard or a foreign key
   * refuses the whole when one of them may not be removed yet.
   */
  async erase(tx: Tx, ids: readonly string[]): Promise<void> {
    for (const { table, column } of PURGED_TABLES) {
      await tx.query(`DELETE FROM ${table} WHERE ${column} = ANY($1::uuid[])`, [ids]);
    }
    // Late, since it locks the links of nodes.
    await endOrdersOf(tx, ids);
    await tx.query(
      `DELETE FROM jobs WHERE id IN (
         SELECT id FROM jobs WHERE kind = 'deployment.reconcile' AND key = ANY($1::text[]) ORDER BY kind, key FOR UPDATE)`,
      [ids],
    );
    await tx.query(`INSERT INTO purged_deployments (deployment_id) SELECT unnest($1::uuid[])`, [ids]);
  }

  async countDue(): Promise<DueCounts> {
    const [row] = await this.dataSource.query<DueCounts[]>(COUNT_DUE);
    if (!row) throw new Error('The due purges could not be counted');
    return row;
  }
}

const PURGED_LAST_HOUR = `(SELECT count(*)::int FROM purged_deployments WHERE purged_at > now() - interval '1 hour')`;

const LIVE = `NOT IN ('stopped', 'failed')`;
const OPEN_REPLICA = `SELECT 1 FROM deployment_replicas AS r WHERE r.deployment_id = d.id AND r.status ${LIVE}`;
const OPEN_RESERVATION = `SELECT 1 FROM reservations AS v WHERE v.deployment_id = d.id AND v.released_at IS NULL`;
const OPEN_DELETION = `
  SELECT 1 FROM deletions AS x WHERE x.deployment_id = d.id AND x.completed_at IS NULL AND x.restored_at IS NULL`;
const TORN_DOWN = [OPEN_REPLICA, OPEN_RESERVATION, OPEN_DELETION].map((open) => `NOT EXISTS (${open})`).join(' AND ');

/** $1 how many at most. */
const LOCK_DUE = `
  SELECT d.id FROM deployments AS d
   WHERE d.purge_at <= now() AND d.status = 'deleted' AND d.legal_hold_reason IS NULL AND ${TORN_DOWN}
   ORDER BY d.purge_at, d.id LIMIT $1 FOR UPDATE OF d SKIP LOCKED`;

const counts = PURGED_TABLES.map(({ table, column }) => {
  const count = `SELECT count(*)::int FROM ${table} AS x WHERE x.${column} = d.id`;
  return `'${table}', (${count})`;
});

/** $1 deployments. */
const CANDIDATES = `
  SELECT d.id, d.user_id AS "userId", d.name, d.version, d.type, v.spec->>'image' AS image, d.deleted_at AS "deletedAt",
         d.status = 'deleted' AS deleted, d.purge_at AS "purgeAt", coalesce(d.purge_at <= now(), false) AS due,
         d.legal_hold_reason IS NOT NULL AS "legalHold",
         (SELECT count(*)::int FROM (${OPEN_REPLICA}) AS o) AS "openReplicas",
         (SELECT count(*)::int FROM (${OPEN_RESERVATION}) AS o) AS "openReservations",
         (SELECT count(*)::int FROM (${OPEN_DELETION}) AS o) AS "openDeletions",
         (SELECT retention_policy FROM deletions WHERE deployment_id = d.id
           ORDER BY generation DESC LIMIT 1) AS "retentionPolicy",
         json_build_object(${counts.join(', ')}) AS rows
    FROM deployments AS d JOIN deployment_revisions AS v ON v.deployment_id = d.id AND v.number = d.current_revision
   WHERE d.id = ANY($1::uuid[]) ORDER BY d.id`;

const COUNT_DUE = `
  SELECT count(*)::int AS due, count(*) FILTER (WHERE held)::int AS "legalHold",
         count(*) FILTER (WHERE open)::int AS "teardownOpen",
         count(*) FILTER (WHERE NOT held AND NOT open)::int AS purgeable,
         ${PURGED_LAST_HOUR} AS "purgedLastHour"
    FROM (SELECT d.legal_hold_reason IS NOT NULL AS held, NOT (${TORN_DOWN}) AS open
            FROM deployments AS d WHERE d.purge_at <= now()) AS overdue`;
