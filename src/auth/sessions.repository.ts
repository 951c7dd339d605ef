import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction';
import type { Identity } from './identity';

export interface PresentedRefreshToken {
  readonly sessionId: string;
  readonly userId: string;
  readonly username: string;
  readonly isUsed: boolean;
  readonly isSessionOpen: boolean;
  readonly isActive: boolean;
}

interface NewSession {
  readonly userId: string;
  /** Of the password that was checked. */
  readonly passwordHash: string;
  readonly lifetimeSeconds: number;
  readonly refreshTokenHash: string;
}

interface SessionRow {
  readonly username: string;
  readonly isAdmin: boolean;
  readonly isActive: boolean;
}

/** All SQL on sessions and their refresh tokens. Lock order: refresh token, then session. */
@Injectable()
export class SessionsRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** The user of an open session; null when the session is not of this user, revoked or expired. */
  async findIdentity(sessionId: string, userId: string): Promise<Identity | null> {
    const [row] = await this.dataSource.query<SessionRow[]>(
      `SELECT u.username, u.is_admin AS "isAdmin", u.is_active AS "isActive"
         FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE s.id = $1 AND s.user_id = $2 AND s.revoked_at IS NULL AND s.expires_at > now()`,
      [sessionId, userId],
    );
    if (!row) return null;
    const { username, isAdmin, isActive } = row;
    return { actor: { userId, username, isAdmin, readOnly: false, via: 'session', credentialId: sessionId }, isActive };
  }

  /** Null when the user has another password by now, or is off: what ends all sessions has not seen this one. */
  async insert(tx: Tx, session: NewSession): Promise<string | null> {
    const [row] = await tx.query<{ id: string }[]>(
      `WITH checked AS (SELECT id FROM users WHERE id = $1 AND is_active AND password_hash = $3 FOR SHARE)
       INSERT INTO sessions (user_id, expires_at) SELECT id, now() + make_interval(secs => $2) FROM checked RETURNING id`,
      [session.userId, session.lifetimeSeconds, session.passwordHash],
    );
    if (!row) return null;
    await this.insertRefreshToken(tx, row.id, session.refreshTokenHash);
    return row.id;
  }

  async insertRefreshToken(tx: Tx, sessionId: string, tokenHash: string): Promise<void> {
    await tx.query(`INSERT INTO refresh_tokens (token_hash, session_id) VALUES ($1, $2)`, [tokenHash, sessionId]);
  }

  /** Locks the token and its session. Of two requests with the same token the second then sees that it was used. */
  async lockRefreshToken(tx: Tx, tokenHash: string): Promise<PresentedRefreshToken | null> {
    const [row] = await tx.query<PresentedRefreshToken[]>(
      `SELECT r.session_id AS "sessionId", s.user_id AS "userId", u.username, r.used_at IS NOT NULL AS "isUsed",
              s.revoked_at IS NULL AND s.expires_at > now() AS "isSessionOpen", u.is_active AS "isActive"
         FROM refresh_tokens r JOIN sessions s ON s.id = r.session_id JOIN users u ON u.id = s.user_id
        WHERE r.token_hash = $1
          FOR UPDATE OF r, s`,
      [tokenHash],
    );
    return row ?? null;
  }

  /** Marks the token as used and sets a later end of the session. */
  async useRefreshToken(tx: Tx, used: { tokenHash: string; sessionId: string; lifetimeSeconds: number }): Promise<void> {
    await tx.query(`UPDATE refresh_tokens SET used_at = now() WHERE token_hash = $1`, [used.tokenHash]);
    await tx.query(`UPDATE sessions SET expires_at = now() + make_interval(secs => $2) WHERE id = $1`, [
      used.sessionId,
      used.lifetimeSeconds,
    ]);
  }

  async revoke(tx: Tx, sessionId: string): Promise<void> {
    await tx.query(`UPDATE sessions SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL`, [sessionId]);
  }

  /** `but`: the session that goes on, if any. */
  async revokeAllOf(tx: Tx, userId: string, but: string | null = null): Promise<void> {
    await tx.query(
      `UPDATE sessions SET revoked_at = now()
        WHERE user_id = $1 AND revoked_at IS NULL AND id IS DISTINCT FROM $2`,
      [userId, but],
    );
  }
}
