import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { hashToken, newSecretToken, PASSWORD_LINK_PREFIX } from '../auth/secret-token';
import type { Tx } from '../database/transaction';
import type { ClaimedJob } from '../jobs/job-kinds';
import type { OpenedLink } from './account.types';

/** At most one e-mail in this time goes to one user, whoever asks for it. */
const MAIL_PAUSE_MINUTES = 15;
const HANDED_OVER_HOURS = 24;

/** Who gets a link by e-mail. */
export interface Mailable {
  readonly username: string;
  readonly email: string;
}

/** The SQL of one-time links. A new one takes the place of the user's old one of the same way. */
@Injectable()
export class PasswordLinksRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Opens a link that is handed over by whoever asked for it. */
  async open(tx: Tx, userId: string): Promise<OpenedLink> {
    const token = newSecretToken(PASSWORD_LINK_PREFIX);
    const [{ expiresAt }] = await tx.query<[{ expiresAt: Date }]>(
      `INSERT INTO password_links (user_id, by_mail, token_hash, expires_at)
       VALUES ($1, false, $2, now() + make_interval(hours => $3))
       ON CONFLICT (user_id, by_mail) DO UPDATE SET token_hash = excluded.token_hash, expires_at = excluded.expires_at
       RETURNING expires_at AS "expiresAt"`,
      [userId, hashToken(token), HANDED_OVER_HOURS],
    );
    return { token, expiresAt };
  }

  async isOpen(tokenHash: string): Promise<boolean> {
    const rows = await this.dataSource.query<unknown[]>(
      `SELECT 1 FROM password_links
        WHERE token_hash = $1 AND expires_at > now()`,
      [tokenHash],
    );
    return rows.length > 0;
  }

  /**
   * Uses the link up, and all others of its user, and gives the user. Of several at once one gets it; null: it is none, was
   * used, or has expired.
   */
  async take(tx: Tx, tokenHash: string): Promise<string | null> {
    const [[row]] = await tx.query<[{ userId: string }[], number]>(
      `UPDATE password_links SET token_hash = NULL, expires_at = NULL
        WHERE token_hash = $1 AND expires_at > now() RETURNING user_id AS "userId"`,
      [tokenHash],
    );
    if (!row) return null;
    await tx.query(`UPDATE password_links SET token_hash = NULL, expires_at = NULL WHERE user_id = $1`, [row.userId]);
    return row.userId;
  }

  /** The account of that name or address, if a link may be mailed to it: it is on, and its password is kept here. */
  async findMailable(tx: Tx, nameOrAddress: string): Promise<string | null> {
    const [row] = await tx.query<{ id: string }[]>(
      `SELECT id FROM users WHERE (username = lower($1) OR email = lower($1)) AND is_active AND password_hash IS NOT NULL`,
      [nameOrAddress],
    );
    return row?.id ?? null;
  }

  /**
   * Opens a link that is about to be mailed. Null: there is no such account, it got an e-mail a moment ago, or the job was taken
   * over.
   */
  async openForMail(job: ClaimedJob, { tokenHash, hours }: { tokenHash: string; hours: number }): Promise<Mailable | null> {
    const [row] = await this.dataSource.query<Mailable[]>(
      `WITH opened AS (
         INSERT INTO password_links AS l (user_id, by_mail, token_hash, expires_at)
         SELECT u.id, true, $2, now() + make_interval(hours => $3) FROM users AS u
          WHERE u.id = $1 AND u.is_active AND u.password_hash IS NOT NULL
            AND EXISTS (SELECT 1 FROM jobs WHERE id = $4 AND claim = $5)
         ON CONFLICT (user_id, by_mail) DO UPDATE SET token_hash = excluded.token_hash, expires_at = excluded.expires_at
          WHERE l.mailed_at IS NULL OR l.mailed_at < now() - make_interval(mins => $6)
         RETURNING user_id)
       SELECT u.username, u.email FROM users AS u JOIN opened AS o ON o.user_id = u.id`,
      [job.key, tokenHash, hours, job.id, job.claim, MAIL_PAUSE_MINUTES],
    );
    return row ?? null;
  }

  async noteMailed(userId: string): Promise<void> {
    await this.dataSource.query(`UPDATE password_links SET mailed_at = now() WHERE user_id = $1 AND by_mail`, [userId]);
  }
}
