import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Tx } from '../database/transaction';
import { retentionPoliciesOf } from './retention-policies.sql';
import type { RetentionPolicy } from './retention-policy';
import type { DeletedDeployment, ShiftedPurge } from './shift-purge-times';

type Selection = Pick<RetentionPolicy, 'selector' | 'value'>;

/** How many deployments a policy concerns. */
export interface Concerned {
  /** By the database's clock. */
  readonly now: Date;
  readonly live: number;
  readonly deleted: number;
}

/** The SQL by which changes of policies find and move deployments. */
@Injectable()
export class DeletedDeploymentsRepository {
  async count(manager: EntityManager, { selector, value }: Selection): Promise<Concerned> {
    const [row] = await manager.query<Concerned[]>(
      `SELECT now() AS now, count(*) FILTER (WHERE d.deleted_at IS NULL)::int AS live,
              count(*) FILTER (WHERE d.deleted_at IS NOT NULL)::int AS deleted
         FROM deployments AS d WHERE ${CONCERNED}`,
      [selector, value],
    );
    if (!row) throw new Error('The deployments could not be counted');
    return row;
  }

  /**
   * At most `limit` deleted deployments that the policy concerns, in the order of ids. `lock` for a change, not for a
   * preview.
   * $1 selector, $2 value, $3 limit
   */
  async find(
    manager: EntityManager,
    { selector, value }: Selection,
    options: { limit: number; lock: boolean },
  ): Promise<DeletedDeployment[]> {
    return manager.query<DeletedDeployment[]>(
      `SELECT d.id, d.user_id AS "userId", d.type, d.labels, d.deleted_at AS "deletedAt", d.purge_at AS "purgeAt",
              ${retentionPoliciesOf('d')} AS policies
         FROM deployments AS d
        WHERE d.status = 'deleted' AND d.purge_at IS NOT NULL AND ${CONCERNED}
        ORDER BY d.id LIMIT $3 ${options.lock ? 'FOR UPDATE OF d' : ''}`,
      [selector, value, options.limit],
    );
  }

  /** Sets new purge times, and records in the deletions which policy they follow. */
  async shift(tx: Tx, shifted: readonly ShiftedPurge[]): Promise<void> {
    if (shifted.length === 0) return;
    await tx.query(`SELECT set_config('fog.operation', 'retention', true)`);
    await tx.query(SHIFT, [JSON.stringify(shifted.map(({ id, purgeAt, words }) => ({ id, purge_at: purgeAt, words })))]);
  }
}

/** Holds for the deployments `d` that a policy concerns. $1 selector, $2 value. */
const CONCERNED = `
  CASE $1::text WHEN 'user' THEN d.user_id::text = $2
                WHEN 'type' THEN d.type = $2
                ELSE EXISTS (SELECT 1 FROM jsonb_each_text(d.labels) AS l WHERE l.key || '=' || l.value = $2) END`;

/** $1 ids, new purge times and words, as JSON. */
const SHIFT = `
  WITH shifted AS (
    UPDATE deployments AS d SET purge_at = s.purge_at
      FROM jsonb_to_recordset($1::jsonb) AS s(id uuid, purge_at timestamptz, words text)
     WHERE d.id = s.id AND d.status = 'deleted'
    RETURNING d.id, d.generation, s.words)
  UPDATE deletions AS x SET retention_policy = s.words
    FROM shifted AS s WHERE x.deployment_id = s.id AND x.generation = s.generation`;
