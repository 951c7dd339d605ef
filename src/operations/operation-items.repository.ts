import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction';
import type { ItemOutcome } from './operation.types';
import { OperationWatch } from './operation-watch';

/** The deployments of operations, with the result for each. Callers that write here hold the lock of the operation. */
@Injectable()
export class OperationItemsRepository {
  constructor(private readonly watch: OperationWatch) {}

  /** The next deployments that are not decided, in the order of the request. `limit` null: all of them. */
  async pending(manager: Pick<Tx, 'query'>, operationId: string, limit: number | null): Promise<string[]> {
    const rows = await manager.query<{ id: string }[]>(DEPLOYMENT_IDS, [operationId, 'pending', limit]);
    return rows.map(({ id }) => id);
  }

  /** The deployments that this operation has deleted, in the order of the request. */
  async deleted(manager: Pick<Tx, 'query'>, operationId: string): Promise<string[]> {
    const rows = await manager.query<{ id: string }[]>(DEPLOYMENT_IDS, [operationId, 'deleted', null]);
    return rows.map(({ id }) => id);
  }

  /** Records the results of deployments that were pending, and says how many are left. */
  async decide(tx: Tx, operationId: string, outcomes: readonly ItemOutcome[]): Promise<number> {
    const [[row]] = await tx.query<[{ left: number }[], number]>(DECIDE, [operationId, JSON.stringify(outcomes)]);
    this.watch.announce(tx, operationId);
    if (!row) throw new Error(`Operation ${operationId} is gone`);
    return row.left;
  }

  /** Cancels the items that are still pending, with the reason. */
  async cancelPending(tx: Tx, operationId: string, reason: string): Promise<void> {
    await tx.query(CANCEL_PENDING, [operationId, reason]);
  }
}

/** $1 operation, $2 state of the items, $3 how many; null: all. */
const DEPLOYMENT_IDS = `
  SELECT deployment_id AS id FROM operation_items WHERE operation_id = $1 AND state = $2 ORDER BY position LIMIT $3`;

/** $1 operation, $2 outcomes as JSON. The count of the pending ones is that from before the statement. */
const DECIDE = `
  WITH outcomes AS (
    UPDATE operation_items AS i SET state = o.state, code = o.code, detail = o.detail, decided_at = clock_timestamp()
      FROM jsonb_to_recordset($2::jsonb) AS o("deploymentId" uuid, state text, code text, detail text)
     WHERE i.operation_id = $1 AND i.deployment_id = o."deploymentId" AND i.state = 'pending'
    RETURNING 1)
  UPDATE operations SET updated_at = clock_timestamp() WHERE id = $1
  RETURNING ((SELECT count(*) FROM operation_items WHERE operation_id = $1 AND state = 'pending')
             - (SELECT count(*) FROM outcomes))::int AS left`;

/** $1 operation, $2 reason. */
const CANCEL_PENDING = `
  UPDATE operation_items SET state = 'cancelled', detail = $2, decided_at = clock_timestamp()
   WHERE operation_id = $1 AND state = 'pending'`;
