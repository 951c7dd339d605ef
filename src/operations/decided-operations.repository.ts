import { Injectable } from '@nestjs/common';
import type { ProblemCode } from '../common/problem/catalog';
import type { Problem } from '../common/problem/to-problem';
import type { Tx } from '../database/transaction';
import type { OperationKind, Origin } from './operation.types';

/** The result for one deployment that was asked for. */
export interface DecidedItem {
  /** Null: it was not made. */
  readonly deploymentId: string | null;
  readonly name: string | null;
  readonly state: 'created' | 'refused' | 'cancelled';
  readonly code: ProblemCode | null;
  readonly detail: string | null;
  readonly problem: Problem | null;
}

export interface DecidedOperation {
  readonly kind: OperationKind;
  readonly userId: string;
  readonly origin: Origin;
  readonly allOrNothing: boolean;
  /** Why nothing was done, in words; null when the operation is completed. */
  readonly failure: string | null;
  /** In the order of the request. */
  readonly items: readonly DecidedItem[];
}

/** Records operations that have ended when they are recorded. */
@Injectable()
export class DecidedOperationsRepository {
  /** Gives the id of the operation. */
  async insert(tx: Tx, { kind, userId, origin, allOrNothing, failure, items }: DecidedOperation): Promise<string> {
    const values = [kind, userId, JSON.stringify(origin), allOrNothing, failure, JSON.stringify(items)];
    const [row] = await tx.query<{ id: string }[]>(INSERT, values);
    if (!row) throw new Error('The operation was not recorded');
    return row.id;
  }
}

/** $1 kind, $2 user, $3 origin, $4 all or nothing, $5 why it failed, $6 items. */
const INSERT = `
  WITH created AS (
    INSERT INTO operations (kind, user_id, options, origin, all_or_nothing, item_count, status, reason, finished_at)
    SELECT $1, $2, '{}', $3, $4, json_array_length($6::json), CASE WHEN $5::text IS NULL THEN 'completed' ELSE 'failed' END, $5,
           clock_timestamp()
    RETURNING id),
  items AS (
    INSERT INTO operation_items (operation_id, position, deployment_id, name, state, code, detail, problem, decided_at)
    SELECT created.id, i.position, i."deploymentId", CASE WHEN i."deploymentId" IS NULL THEN i.name END,
           i.state, i.code, i.detail, i.problem, clock_timestamp()
      FROM created,
           ROWS FROM (json_to_recordset($6::json)
                      AS ("deploymentId" uuid, name text, state text, code text, detail text, problem jsonb))
             WITH ORDINALITY AS i("deploymentId", name, state, code, detail, problem, position))
  SELECT id FROM created`;
