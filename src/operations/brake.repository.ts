import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction';
import type { BrakeReading } from './brake';

/** Reads what the brake weighs, over the whole installation. */
@Injectable()
export class BrakeRepository {
  /**
   * Reads it under a lock that is held to the end of the transaction, so that two operations cannot both use the rest
   * of what is allowed.
   */
  async weigh(tx: Tx, operationId: string): Promise<BrakeReading> {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtext('fog-compute bulk deletion'))`);
    const fleet = await this.readFleet(tx);
    const [row] = await tx.query<{ wanted: number }[]>(WANTED, [operationId]);
    return { ...fleet, wanted: row?.wanted ?? 0 };
  }

  /** The same without the lock and without an operation, for previews. */
  async readFleet(tx: Tx): Promise<Omit<BrakeReading, 'wanted'>> {
    const [row] = await tx.query<Omit<BrakeReading, 'wanted'>[]>(FLEET);
    return row ?? { live: 0, deletedLately: 0 };
  }
}

const FLEET = `
  SELECT (SELECT count(*)::int FROM deployments WHERE deleted_at IS NULL) AS live,
         (SELECT count(*)::int FROM deletions AS x JOIN operations AS o ON o.id = x.operation_id
           WHERE x.decided_at > now() - interval '1 hour' AND o.confirmed_at IS NULL) AS "deletedLately"`;

/** $1 operation. */
const WANTED = `
  SELECT count(*)::int AS wanted FROM operation_items AS i JOIN deployments AS d ON d.id = i.deployment_id
   WHERE i.operation_id = $1 AND i.state = 'pending' AND d.deleted_at IS NULL`;
