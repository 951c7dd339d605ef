import { Injectable } from '@nestjs/common';
import { afterCommit, type Tx } from '../../database/transaction';
import { Notifications } from '../../jobs/notifications';
import { DEPLOYMENT_CHANNEL } from '../deployments.repository';

/** What may keep a deployment from being deleted, and the column that holds the reason. */
const COLUMNS = { protection: 'protection_reason', hold: 'legal_hold_reason' } as const;
export type Safeguard = keyof typeof COLUMNS;

/** Writes of what protects deployments. Callers hold the lock of the deployment row. */
@Injectable()
export class ProtectionsRepository {
  constructor(private readonly notifications: Notifications) {}

  /** Null lifts it. The revision moves, so a delete that was decided on by an older state is refused; returns the new one. */
  async set(tx: Tx, id: string, safeguard: Safeguard, reason: string | null): Promise<number> {
    const [rows] = await tx.query<[{ revision: number }[], number]>(
      `UPDATE deployments SET ${COLUMNS[safeguard]} = $2, revision = revision + 1, updated_at = clock_timestamp()
        WHERE id = $1 RETURNING revision`,
      [id, reason],
    );
    if (!rows[0]) throw new Error(`Deployment ${id} is gone`);
    afterCommit(tx, () => this.notifications.tell(DEPLOYMENT_CHANNEL, id));
    return rows[0].revision;
  }
}
