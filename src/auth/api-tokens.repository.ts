import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction';
import type { Identity } from './identity';

export interface ApiTokenRecord {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly readOnly: boolean;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly lastUsedAt: Date | null;
}

export interface NewApiToken {
  readonly userId: string;
  readonly name: string;
  readonly tokenHash: string;
  readonly prefix: string;
  readonly readOnly: boolean;
  readonly expiresInDays: number;
  /** The API token that the request came with, if any: the new token does not outlive it. */
  readonly madeWith: string | null;
}

interface TokenRow {
  readonly id: string;
  readonly userId: string;
  readonly username: string;
  readonly isAdmin: boolean;
  readonly isActive: boolean;
  readonly readOnly: boolean;
  readonly isUseStale: boolean;
}

const COLUMNS = `id, name, prefix, read_only AS "readOnly", created_at AS "createdAt", expires_at AS "expiresAt",
  last_used_at AS "lastUsedAt"`;

/** All SQL on API tokens. */
@Injectable()
export class ApiTokensRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** The user of a valid token. Notes its use at most once a minute, so that a busy token writes little. */
  async findIdentity(tokenHash: string): Promise<Identity | null> {
    const [row] = await this.dataSource.query<TokenRow[]>(
      `SELECT t.id, t.user_id AS "userId", u.username, u.is_admin AS "isAdmin", u.is_active AS "isActive",
              t.read_only AS "readOnly",
              t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute' AS "isUseStale"
         FROM api_tokens t JOIN users u ON u.id = t.user_id
        WHERE t.token_hash = $1 AND t.revoked_at IS NULL AND t.expires_at > now()`,
      [tokenHash],
    );
    if (!row) return null;
    if (row.isUseStale) await this.noteUse(row.id);
    const { id, userId, username, isAdmin, isActive, readOnly } = row;
    return { actor: { userId, username, isAdmin, readOnly, via: 'api_token', credentialId: id }, isActive };
  }

  /** Lets one transaction at a time make tokens for this user, so that their number can be counted. */
  async lockOwner(tx: Tx, userId: string): Promise<void> {
    await tx.query(`SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE`, [userId]);
  }

  async count(tx: Tx, userId: string): Promise<number> {
    const [{ count }] = await tx.query<[{ count: number }]>(
      `SELECT count(*)::integer AS count FROM api_tokens WHERE user_id = $1 AND revoked_at IS NULL`,
      [userId],
    );
    return count;
  }

  async insert(tx: Tx, token: NewApiToken): Promise<ApiTokenRecord> {
    const [created] = await tx.query<[ApiTokenRecord]>(
      `INSERT INTO api_tokens (user_id, name, token_hash, prefix, read_only, expires_at)
       VALUES ($1, $2, $3, $4, $5,
               LEAST(now() + make_interval(days => $6),
                     (SELECT maker.expires_at FROM api_tokens maker WHERE maker.id = $7::uuid)))
       RETURNING ${COLUMNS}`,
      [token.userId, token.name, token.tokenHash, token.prefix, token.readOnly, token.expiresInDays, token.madeWith],
    );
    return created;
  }

  /** Newest first; revoked ones are gone, expired ones are shown until they are purged. */
  async list(userId: string): Promise<ApiTokenRecord[]> {
    return this.dataSource.query<ApiTokenRecord[]>(
      `SELECT ${COLUMNS} FROM api_tokens WHERE user_id = $1 AND revoked_at IS NULL ORDER BY created_at DESC, id DESC`,
      [userId],
    );
  }

  /** The hash of the token that was revoked; null when the user has no such token. */
  async revoke(tx: Tx, id: string, userId: string): Promise<string | null> {
    const [[row]] = await tx.query<[{ tokenHash: string }[], number]>(
      `UPDATE api_tokens SET revoked_at = now()
        WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING token_hash AS "tokenHash"`,
      [id, userId],
    );
    return row?.tokenHash ?? null;
  }

  private async noteUse(id: string): Promise<void> {
    await this.dataSource.query(
      `UPDATE api_tokens SET last_used_at = now()
        WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`,
      [id],
    );
  }
}
