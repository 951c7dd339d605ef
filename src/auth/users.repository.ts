import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction';
import type { UserRecord } from './identity';

const COLUMNS = `id, username, email, is_active AS "isActive", is_admin AS "isAdmin", created_at AS "createdAt"`;

export interface LoginRecord {
  readonly id: string;
  readonly passwordHash: string;
  readonly isActive: boolean;
}

/** All SQL on users, external identities aside. */
@Injectable()
export class UsersRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  async find(id: string): Promise<UserRecord | null> {
    const [user] = await this.dataSource.query<UserRecord[]>(`SELECT ${COLUMNS} FROM users WHERE id = $1`, [id]);
    return user ?? null;
  }

  /** Violates uq_users_username or uq_users_email when the name or address is taken. */
  async insert(tx: Tx, user: { username: string; email: string; passwordHash: string }): Promise<UserRecord> {
    const [created] = await tx.query<[UserRecord]>(
      `INSERT INTO users (username, email, password_hash) VALUES (lower($1), lower($2), $3) RETURNING ${COLUMNS}`,
      [user.username, user.email, user.passwordHash],
    );
    return created;
  }

  /** Users without a password cannot log in here and are not found. */
  async findForLogin(username: string): Promise<LoginRecord | null> {
    const [found] = await this.dataSource.query<LoginRecord[]>(
      `SELECT id, password_hash AS "passwordHash", is_active AS "isActive" FROM users
        WHERE username = $1 AND password_hash IS NOT NULL`,
      [username],
    );
    return found ?? null;
  }

  /** An absent address stays as it is. Violates uq_users_email when the address is taken. */
  async change(tx: Tx, id: string, { email }: { email?: string }): Promise<UserRecord | null> {
    const [[user]] = await tx.query<[UserRecord[], number]>(
      `UPDATE users SET email = COALESCE(lower($2), email), updated_at = now() WHERE id = $1 RETURNING ${COLUMNS}`,
      [id, email ?? null],
    );
    return user ?? null;
  }

  async isEmpty(): Promise<boolean> {
    const rows = await this.dataSource.query<unknown[]>(`SELECT 1 FROM users LIMIT 1`);
    return rows.length === 0;
  }

  /** The id when this call made the first user; the caller holds the bootstrap lock. */
  async insertFirstAdministrator(tx: Tx, admin: { username: string; email: string; passwordHash: string }): Promise<string | null> {
    const [row] = await tx.query<{ id: string }[]>(
      `INSERT INTO users (username, email, password_hash, is_admin)
       SELECT lower($1), lower($2), $3, true WHERE NOT EXISTS (SELECT 1 FROM users) RETURNING id`,
      [admin.username, admin.email, admin.passwordHash],
    );
    return row?.id ?? null;
  }
}
