import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction';
import { reachOf } from '../rights/reach';
import { allows } from '../rights/rights.sql';
import type { BrakeReading, BrakeReadings } from './brake';

/** Reads what the brakes weigh. Deployments that the user of an operation may not delete weigh nothing. */
@Injectable()
export class BrakeRepository {
  /**
   * Reads what an operation wants, with the deployments that this transaction has deleted for it counted as not deleted yet.
   * The lock is held to the end of the transaction, so that two operations cannot both use the rest of what is allowed.
   */
  async weigh(tx: Tx, { id, userId, isAdmin }: Weighed, deleted: readonly string[]): Promise<BrakeReadings> {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtext('fog-compute bulk deletion'))`);
    return this.read(tx, await tx.query<Wanted[]>(WANTED, [id, userId, reachOf({ isAdmin }), deleted]), deleted);
  }

  /** The same without the lock, for the owners of the deployments that a preview would delete. */
  preview(tx: Tx, ownerIds: readonly string[]): Promise<BrakeReadings> {
    const counts = new Map<string, number>();
    for (const id of ownerIds) counts.set(id, (counts.get(id) ?? 0) + 1);
    const wanted = [...counts].map(([userId, count]) => ({ userId, wanted: count }));
    return this.read(tx, wanted, []);
  }

  private async read(tx: Tx, wanted: readonly Wanted[], deleted: readonly string[]): Promise<BrakeReadings> {
    const rows = await tx.query<(BrakeReading & { isFleet: boolean })[]>(READINGS, [JSON.stringify(wanted), deleted]);
    const fleet = rows.find(({ isFleet }) => isFleet) ?? { live: 0, deletedLately: 0, wanted: 0 };
    return { owners: rows.filter(({ isFleet }) => !isFleet), fleet };
  }
}

/** An operation, with whose rights it works. */
interface Weighed {
  readonly id: string;
  readonly userId: string;
  readonly isAdmin: boolean;
}

interface Wanted {
  readonly userId: string;
  readonly wanted: number;
}

/** $1 operation, $2 its user, $3 what that user reaches, $4 what this transaction has deleted for it. */
const WANTED = `
  SELECT d.user_id AS "userId", count(*)::int AS wanted
    FROM operation_items AS i JOIN deployments AS d ON d.id = i.deployment_id
   WHERE i.operation_id = $1 AND i.state = 'pending' AND (d.deleted_at IS NULL OR d.id = ANY($4::uuid[]))
     AND ${allows('deployment.change', { project: 'd.project_id', userId: '$2', reach: '$3' })}
   GROUP BY d.user_id`;

/**
 * $1 how many deployments of which users are wanted, $2 what this transaction has deleted of them. One row for each user, and one
 * for the fleet.
 */
const READINGS = `
  WITH wanted AS (
    SELECT "userId" AS user_id, wanted FROM jsonb_to_recordset($1::jsonb) AS w("userId" uuid, wanted int)),
  lately AS MATERIALIZED (
    SELECT d.user_id, count(*)::int AS deleted
      FROM deletions AS x JOIN operations AS o ON o.id = x.operation_id JOIN deployments AS d ON d.id = x.deployment_id
     WHERE x.decided_at > now() - interval '1 hour' AND o.confirmed_at IS NULL
       AND x.xmin IS DISTINCT FROM pg_current_xact_id_if_assigned()::xid
     GROUP BY d.user_id),
  living AS (
    SELECT user_id, count(*)::int AS live FROM deployments
     WHERE deleted_at IS NULL AND user_id IN (SELECT user_id FROM wanted) GROUP BY user_id),
  now_deleted AS (
    SELECT user_id, count(*)::int AS live FROM deployments WHERE id = ANY($2::uuid[]) GROUP BY user_id)
  SELECT false AS "isFleet", w.wanted, coalesce(g.live, 0) + coalesce(n.live, 0) AS live,
         coalesce(y.deleted, 0) AS "deletedLately"
    FROM wanted AS w LEFT JOIN living AS g USING (user_id) LEFT JOIN now_deleted AS n USING (user_id)
    LEFT JOIN lately AS y USING (user_id)
   UNION ALL
  SELECT true, (SELECT coalesce(sum(wanted), 0)::int FROM wanted),
         (SELECT count(*)::int FROM deployments WHERE deleted_at IS NULL) + cardinality($2::uuid[]),
         (SELECT coalesce(sum(deleted), 0)::int FROM lately)`;
