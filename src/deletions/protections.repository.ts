import { Injectable } from '@nestjs/common';
import { afterCommit, type Tx } from '../database/transaction';
import { PubSub } from '../database/pub-sub';
import { DEPLOYMENT_TOPIC } from '../deployments/deployments.repository';

/** The safeguards against deletion, and the columns with their reasons. */
const COLUMNS = { protection: 'protection_reason', hold: 'legal_hold_reason' } as const;
export type Safeguard = keyof typeof COLUMNS;

/** Writes the safeguards of deployments. Callers hold the lock of the deployment row. */
@Injectable()
export class ProtectionsRepository {
  constructor(private readonly pubSub: PubSub) {}

  /**
   * Null lifts the safeguard. Adds one to the version, so that a delete that was decided on by an older state is refused;
   * returns the new version.
   */
  async set(tx: Tx, id: string, safeguard: Safeguard, reason: string | null): Promise<number> {
    const [rows] = await tx.query<[{ version: number }[], number]>(
      `UPDATE deployments SET ${COLUMNS[safeguard]} = $2, version = version + 1, updated_at = clock_timestamp()
        WHERE id = $1 RETURNING version`,
      [id, reason],
    );
    if (!rows[0]) throw new Error(`Deployment ${id} is gone`);
    afterCommit(tx, () => this.pubSub.publish(DEPLOYMENT_TOPIC, id));
    return rows[0].version;
  }
}
