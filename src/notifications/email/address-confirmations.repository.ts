import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Tx } from '../../database/transaction';
import type { ConfirmationQuestion } from '../notification-channel';

/** How many confirmation e-mails are sent in a day, both for one user and to one address of whatever user. */
const CODES_A_DAY = 3;
const VALID_MINUTES = 30;
const WRONG_CODES = 5;

/** The SQL of confirmed addresses and their codes. Callers with a transaction hold the lock of the user's row. */
@Injectable()
export class AddressConfirmationsRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** False when the limit for today is reached. */
  async ask(tx: Tx, { userId, email, subscriptionId }: ConfirmationQuestion): Promise<boolean> {
    const rows = await tx.query<unknown[]>(
      `INSERT INTO address_codes (user_id, email, subscription_id)
       SELECT $1, $2, $3
        WHERE (SELECT count(*) FROM address_codes WHERE user_id = $1 AND created_at > now() - interval '1 day') < $4
          AND (SELECT count(*) FROM address_codes WHERE email = $2 AND created_at > now() - interval '1 day') < $4
       RETURNING id`,
      [userId, email, subscriptionId, CODES_A_DAY],
    );
    return rows.length > 0;
  }

  /**
   * Gives its code to the latest e-mail that this subscription has not sent yet. Null when there is none or the job was
   * taken over.
   */
  async takeUnsent(job: Readonly<{ id: string; claim: string }>, subscriptionId: string, codeHash: string): Promise<string | null> {
    const [[row]] = await this.dataSource.query<[{ id: string }[], number]>(
      `UPDATE address_codes SET code_hash = $2, expires_at = now() + make_interval(mins => $3)
        WHERE id = (SELECT a.id FROM address_codes AS a JOIN users AS u ON u.id = a.user_id AND u.email = a.email
                     WHERE a.subscription_id = $1 AND a.user_id = (SELECT user_id FROM subscriptions WHERE id = $1)
                       AND a.sent_at IS NULL AND a.created_at > now() - interval '1 hour'
                     ORDER BY a.created_at DESC LIMIT 1)
          AND EXISTS (SELECT 1 FROM jobs WHERE id = $4 AND claim = $5)
       RETURNING id`,
      [subscriptionId, codeHash, VALID_MINUTES, job.id, job.claim],
    );
    return row?.id ?? null;
  }

  /** Why it was not sent, for the user who waits for it. */
  async noteFailed(id: string, words: string): Promise<void> {
    await this.dataSource.query(`UPDATE address_codes SET last_error = $2 WHERE id = $1`, [id, words]);
  }

  async noteSent(id: string): Promise<void> {
    await this.dataSource.query(`UPDATE address_codes SET sent_at = now() WHERE id = $1`, [id]);
  }

  /**
   * True when the code was right: it is used up, and the address is confirmed. A wrong code counts against all codes
   * that are valid.
   */
  async confirm(tx: Tx, { userId, email }: Pick<ConfirmationQuestion, 'userId' | 'email'>, codeHash: string): Promise<boolean> {
    const valid = `user_id = $1 AND email = $2 AND expires_at > now() AND wrong_codes < ${String(WRONG_CODES)}`;
    const [, right] = await tx.query<[unknown[], number]>(
      `UPDATE address_codes SET expires_at = now()
        WHERE ${valid} AND code_hash = $3`,
      [userId, email, codeHash],
    );
    const next =
      right === 0
        ? `UPDATE address_codes SET wrong_codes = wrong_codes + 1 WHERE ${valid}`
        : `INSERT INTO confirmed_addresses (user_id, email) VALUES ($1, $2) ON CONFLICT DO NOTHING`;
    await tx.query(next, [userId, email]);
    return right > 0;
  }

  /** Removes e-mails that no limit counts any more. */
  async purge(): Promise<void> {
    await this.dataSource.query(`DELETE FROM address_codes WHERE created_at < now() - interval '1 day'`);
  }
}
