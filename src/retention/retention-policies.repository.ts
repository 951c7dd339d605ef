import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import type { Tx } from '../database/transaction';
import type { RetentionPolicy } from './retention-policy';

export interface StoredPolicy extends RetentionPolicy {
  readonly id: string;
  readonly changedBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface PolicyRoom {
  readonly policies: number;
  readonly taken: boolean;
}

/** The SQL on retention policies. */
@Injectable()
export class RetentionPoliciesRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** The strongest selector first, then by value. */
  async list(): Promise<StoredPolicy[]> {
    return this.dataSource.query<StoredPolicy[]>(
      `SELECT ${COLUMNS} FROM retention_policies ORDER BY array_position(ARRAY['label', 'user', 'type'], selector), value`,
    );
  }

  /**
   * Lets one transaction at a time change policies. It must be the first statement of every change: what a change means
   * for a deployment depends on all other policies, and later statements see them as the change before has left them.
   */
  async lockAll(tx: Tx): Promise<void> {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtext('fog-compute retention policies'))`);
  }

  async find(manager: EntityManager, id: string): Promise<StoredPolicy | null> {
    return one(manager, `SELECT ${COLUMNS} FROM retention_policies WHERE id = $1`, [id]);
  }

  /** How many policies there are, and whether one has this selector and value. */
  async room(manager: EntityManager, { selector, value }: Pick<RetentionPolicy, 'selector' | 'value'>): Promise<PolicyRoom> {
    const [room] = await manager.query<PolicyRoom[]>(
      `SELECT count(*)::int AS policies, coalesce(bool_or(selector = $1 AND value = $2), false) AS taken
         FROM retention_policies`,
      [selector, value],
    );
    if (!room) throw new Error('The retention policies could not be counted');
    return room;
  }

  async userExists(manager: EntityManager, id: string): Promise<boolean> {
    return (await manager.query<unknown[]>(`SELECT 1 FROM users WHERE id = $1`, [id])).length > 0;
  }

  async insert(tx: Tx, { selector, value, days }: RetentionPolicy, userId: string): Promise<StoredPolicy> {
    const sql = `INSERT INTO retention_policies (selector, value, days, changed_by)
                 VALUES ($1, $2, $3, $4) RETURNING ${COLUMNS}`;
    return required(await one(tx, sql, [selector, value, days, userId]));
  }

  async change(tx: Tx, id: string, days: number, userId: string): Promise<StoredPolicy> {
    const [[changed]] = await tx.query<[StoredPolicy[], number]>(
      `UPDATE retention_policies SET days = $2, changed_by = $3, updated_at = now() WHERE id = $1 RETURNING ${COLUMNS}`,
      [id, days, userId],
    );
    return required(changed);
  }

  async remove(tx: Tx, id: string): Promise<void> {
    await tx.query(`DELETE FROM retention_policies WHERE id = $1`, [id]);
  }
}

const COLUMNS = `id, selector, value, days, changed_by AS "changedBy", created_at AS "createdAt", updated_at AS "updatedAt"`;

async function one(manager: EntityManager, sql: string, parameters: unknown[]): Promise<StoredPolicy | null> {
  const [row] = await manager.query<StoredPolicy[]>(sql, parameters);
  return row ?? null;
}

function required(policy: StoredPolicy | null | undefined): StoredPolicy {
  if (!policy) throw new Error('The retention policy was not written');
  return policy;
}
