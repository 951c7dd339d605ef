import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { OwnQuota } from '../config/quota-list';
import type { UserRecord } from '../auth/identity';
import type { Tx } from '../database/transaction';
import type { AccountChange } from './account.types';

const COLUMNS = `id, username, email, is_active AS "isActive", is_admin AS "isAdmin", created_at AS "createdAt",
  password_hash IS NOT NULL AS "hasPassword", (SELECT p.quota FROM projects AS p WHERE p.id = users.id) AS quota`;

/** An account, as the database has it. */
export interface AccountRow extends UserRecord {
  readonly hasPassword: boolean;
  readonly quota: OwnQuota;
}

/** The SQL of what administrators do with the accounts of others, and of changed passwords. */
@Injectable()
export class AccountsRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** By name. `search`: part of the name or the address. */
  async findPage(page: { search?: string; limit: number; offset: number }): Promise<{ rows: AccountRow[]; total: number }> {
    const pattern = page.search === undefined ? null : `%${page.search.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
    const matches = `$1::text IS NULL OR username LIKE lower($1) OR email LIKE lower($1)`;
    const [row] = await this.dataSource.query<[{ total: number; rows: (Omit<AccountRow, 'createdAt'> & { createdAt: string })[] }]>(
      `SELECT (SELECT count(*)::integer FROM users WHERE ${matches}) AS total,
              (SELECT coalesce(json_agg(p ORDER BY p.username), '[]')
                 FROM (SELECT ${COLUMNS} FROM users WHERE ${matches} ORDER BY username LIMIT $2 OFFSET $3) AS p) AS rows`,
      [pattern, page.limit, page.offset],
    );
    return { total: row.total, rows: row.rows.map((each) => ({ ...each, createdAt: new Date(each.createdAt) })) };
  }

  async find(id: string): Promise<AccountRow | null> {
    const [row] = await this.dataSource.query<AccountRow[]>(`SELECT ${COLUMNS} FROM users WHERE id = $1`, [id]);
    return row ?? null;
  }

  /** Null when there is no such user. */
  async lock(tx: Tx, id: string): Promise<AccountRow | null> {
    const [row] = await tx.query<AccountRow[]>(`SELECT ${COLUMNS} FROM users WHERE id = $1 FOR NO KEY UPDATE`, [id]);
    return row ?? null;
  }

  /** Violates uq_users_email when the address is taken. */
  async change(tx: Tx, id: string, { isActive, isAdmin, email }: AccountChange): Promise<AccountRow> {
    const [[row]] = await tx.query<[[AccountRow], number]>(
      `UPDATE users SET is_active = COALESCE($2, is_active), is_admin = COALESCE($3, is_admin),
                        email = COALESCE(lower($4), email), updated_at = now()
        WHERE id = $1 RETURNING ${COLUMNS}`,
      [id, isActive ?? null, isAdmin ?? null, email ?? null],
    );
    return row;
  }

  /** False when the password is another one than `from` by now; null: whatever it is. */
  async setPassword(tx: Tx, id: string, hashes: { from: string | null; to: string }): Promise<boolean> {
    const [, changed] = await tx.query<[unknown[], number]>(
      `UPDATE users SET password_hash = $3, updated_at = now() WHERE id = $1 AND ($2::text IS NULL OR password_hash = $2)`,
      [id, hashes.from, hashes.to],
    );
    return changed > 0;
  }

  /** Until the transaction ends, no other one can take an administrator away. So the remaining ones can be counted. */
  async lockAdministrators(tx: Tx): Promise<void> {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtext('fog-compute administrators'))`);
  }

  async hasActiveAdministrator(tx: Tx): Promise<boolean> {
    const rows = await tx.query<unknown[]>(`SELECT 1 FROM users WHERE is_admin AND is_active LIMIT 1`);
    return rows.length > 0;
  }
}
