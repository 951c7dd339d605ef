import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Actor } from '../common/request-context';
import type { Tx } from '../database/transaction';
import type { Role } from '../rights/rights';
import type { Identity } from './identity';

export interface ApiTokenRecord {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly readOnly: boolean;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly lastUsedAt: Date | null;
  /** The project that it is bound to, with its name now; null: it is not. */
  readonly boundTo: { readonly projectId: string; readonly project: string; readonly role: Role } | null;
}

export interface NewApiToken {
  readonly userId: string;
  readonly name: string;
  readonly tokenHash: string;
  readonly prefix: string;
  readonly readOnly: boolean;
  readonly expiresInDays: number;
  readonly boundTo: Actor['boundTo'] | null;
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
  readonly boundTo: Actor['boundTo'] | null;
}

const COLUMNS = `id, name, prefix, read_only AS "readOnly", created_at AS "createdAt", expires_at AS "expiresAt",
  last_used_at AS "lastUsedAt", (
    SELECT json_build_object('projectId', p.id, 'project', p.name, 'role', project_role)
      FROM projects AS p WHERE p.id = project_id) AS "boundTo"`;

/**
 * Programs of before know no bound tokens and would take them for whole ones. They look for the hash alone, so they do not find them
 * while processes are replaced.
 */
const BOUND = 'bound ';

/** All SQL on API tokens. */
@Injectable()
export class ApiTokensRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** The user of a valid token. Notes its use at most once a minute, so that a busy token writes little. */
  async findIdentity(tokenHash: string): Promise<Identity | null> {
    const [row] = await this.dataSource.query<TokenRow[]>(
      `SELECT t.id, t.user_id AS "userId", u.username, u.is_admin AS "isAdmin", u.is_active AS "isActive",
              t.read_only AS "readOnly",
              CASE WHEN t.project_id IS NOT NULL
                   THEN json_build_object('projectId', t.project_id, 'role', t.project_role) END AS "boundTo",
              t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute' AS "isUseStale"
         FROM api_tokens t JOIN users u ON u.id = t.user_id
        WHERE t.token_hash IN ($1, '${BOUND}' || $1) AND t.revoked_at IS NULL AND t.expires_at > now()`,
      [tokenHash],
    );
    if (!row) return null;
    if (row.isUseStale) await this.noteUse(row.id);
    const { id, userId, username, isAdmin, isActive, readOnly, boundTo } = row;
    const actor = { userId, username, readOnly, via: 'api_token', credentialId: id } as const;
    return { actor: boundTo ? { ...actor, isAdmin: false, boundTo } : { ...actor, isAdmin }, isActive };
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
      `INSERT INTO api_tokens (user_id, name, token_hash, prefix, read_only, project_id, project_role, expires_at)
       VALUES ($1, $2, $3, $4, $5, $8, $9,
               LEAST(now() + make_interval(days => $6),
                     (SELECT maker.expires_at FROM api_tokens maker WHERE maker.id = $7::uuid)))
       RETURNING ${COLUMNS}`,
      [
        ...[token.userId, token.name, token.boundTo ? `${BOUND}${token.tokenHash}` : token.tokenHash, token.prefix, token.readOnly],
        ...[token.expiresInDays, token.madeWith, token.boundTo?.projectId ?? null, token.boundTo?.role ?? null],
      ],
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
        WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING replace(token_hash, '${BOUND}', '') AS "tokenHash"`,
      [id, userId],
    );
    return row?.tokenHash ?? null;
  }

  async revokeAllOf(tx: Tx, userId: string): Promise<void> {
    await tx.query(`UPDATE api_tokens SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL`, [userId]);
  }

  private async noteUse(id: string): Promise<void> {
    await this.dataSource.query(
      `UPDATE api_tokens SET last_used_at = now()
        WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`,
      [id],
    );
  }
}
