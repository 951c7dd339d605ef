import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import type { Tx } from '../database/transaction';
import { CONFIRMATION_ERROR, IS_CONFIRMED, type AccountAddress } from './account-address';
import type { SubscriptionRef } from './notification-channel';
import type { SubscriptionChange, SubscriptionRecord, SubscriptionSettings } from './subscription';

/** A subscription whose row is locked until the transaction ends. */
export interface LockedSubscription extends SubscriptionRecord {
  readonly secretSealed: Buffer | null;
}

export interface NewSubscription extends SubscriptionSettings {
  readonly id: string;
  readonly userId: string;
  readonly kind: string;
  readonly secretSealed: Buffer | null;
}

const COLUMNS = `id, user_id AS "userId", url, description, event_types AS "eventTypes", labels, enabled,
  disabled_reason AS "disabledReason", failing_since AS "failingSince",
  CASE WHEN previous_secret_until > now() THEN previous_secret_until END AS "previousSecretUntil",
  created_at AS "createdAt", updated_at AS "updatedAt"`;

const NO_ADDRESS: AccountAddress = { email: '', isConfirmed: false, confirmationError: null };

const FRESH = `failures = 0, failing_since = NULL, retry_at = NULL`;

/**
 * The SQL by which owners read and change subscriptions. Those of other users are not found, even by administrators,
 * because they are personal.
 */
@Injectable()
export class SubscriptionsRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  list(manager: EntityManager, userId: string, kind: string): Promise<SubscriptionRecord[]> {
    return manager.query<SubscriptionRecord[]>(
      `SELECT ${COLUMNS} FROM subscriptions WHERE user_id = $1 AND kind = $2 ORDER BY created_at DESC, id DESC`,
      [userId, kind],
    );
  }

  async find({ channel, id }: SubscriptionRef, userId: string): Promise<SubscriptionRecord | null> {
    const [row] = await this.dataSource.query<SubscriptionRecord[]>(
      `SELECT ${COLUMNS} FROM subscriptions WHERE id = $1 AND user_id = $2 AND kind = $3`,
      [id, userId, channel.kind],
    );
    return row ?? null;
  }

  /** Lets one transaction at a time make subscriptions for the user, and counts those of the kind. */
  async lockOwner(tx: Tx, userId: string, kind: string): Promise<{ count: number; address: AccountAddress }> {
    // Locking is a statement of its own, so that the next one sees what transactions before this one have committed.
    await tx.query(`SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE`, [userId]);
    const [row] = await tx.query<(AccountAddress & { count: number })[]>(
      `SELECT u.email, ${IS_CONFIRMED} AS "isConfirmed", ${CONFIRMATION_ERROR} AS "confirmationError",
              (SELECT count(*)::int FROM subscriptions WHERE user_id = $1 AND kind = $2) AS count
         FROM users AS u WHERE u.id = $1`,
      [userId, kind],
    );
    const { count, ...address } = row ?? { count: 0, ...NO_ADDRESS };
    return { count, address };
  }

  async addressOf(manager: EntityManager, userId: string): Promise<AccountAddress> {
    const [row] = await manager.query<AccountAddress[]>(
      `SELECT u.email, ${IS_CONFIRMED} AS "isConfirmed", ${CONFIRMATION_ERROR} AS "confirmationError"
         FROM users AS u WHERE u.id = $1`,
      [userId],
    );
    return row ?? NO_ADDRESS;
  }

  async insert(tx: Tx, subscription: NewSubscription): Promise<SubscriptionRecord> {
    const [row] = await tx.query<[SubscriptionRecord]>(
      `INSERT INTO subscriptions (id, user_id, kind, url, description, event_types, labels, enabled, secret_sealed)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ${COLUMNS}`,
      [
        ...[
          subscription.id,
          subscription.userId,
          subscription.kind,
          subscription.url,
          subscription.description,
          subscription.eventTypes,
          JSON.stringify(subscription.labels),
        ],
        ...[subscription.enabled, subscription.secretSealed],
      ],
    );
    return row;
  }

  /** Locks it until the transaction ends. */
  async lock(tx: Tx, { channel, id }: SubscriptionRef, userId: string): Promise<LockedSubscription | null> {
    const [row] = await tx.query<LockedSubscription[]>(
      `SELECT ${COLUMNS}, secret_sealed AS "secretSealed" FROM subscriptions
        WHERE id = $1 AND user_id = $2 AND kind = $3 FOR NO KEY UPDATE`,
      [id, userId, channel.kind],
    );
    return row ?? null;
  }

  /**
   * Changes a subscription. After a new address, or when it is switched on, earlier failures no longer count and
   * pending deliveries are due at once. The caller holds the lock.
   */
  async change(tx: Tx, id: string, change: SubscriptionChange): Promise<SubscriptionRecord> {
    const isFresh = change.url !== undefined || change.enabled === true;
    const [[row]] = await tx.query<[[SubscriptionRecord], number]>(
      `UPDATE subscriptions
          SET url = coalesce($2, url), description = coalesce($3, description), event_types = coalesce($4, event_types),
              labels = coalesce($5, labels), enabled = coalesce($6, enabled),
              disabled_reason = CASE WHEN $6 THEN NULL ELSE disabled_reason END, version = version + 1, updated_at = now()
              ${isFresh ? `, ${FRESH}` : ''}
        WHERE id = $1 RETURNING ${COLUMNS}`,
      [
        ...[id, change.url ?? null, change.description ?? null, change.eventTypes ?? null],
        ...[change.labels ? JSON.stringify(change.labels) : null, change.enabled ?? null],
      ],
    );
    if (isFresh)
      await tx.query(
        `UPDATE deliveries SET attempts = 0, next_attempt_at = now()
          WHERE subscription_id = $1 AND state = 'pending'`,
        [id],
      );
    return row;
  }

  /** Replaces the secret. The one before stays valid for `previousHours`. The caller holds the lock. */
  async replaceSecret(
    tx: Tx,
    id: string,
    { sealed, previous, previousHours }: { sealed: Buffer | null; previous: Buffer | null; previousHours: number },
  ): Promise<SubscriptionRecord> {
    const [[row]] = await tx.query<[[SubscriptionRecord], number]>(
      `UPDATE subscriptions
          SET secret_sealed = $2, previous_secret_sealed = $3,
              previous_secret_until = CASE WHEN $3::bytea IS NULL THEN NULL ELSE now() + make_interval(hours => $4) END,
              version = version + 1, updated_at = now()
        WHERE id = $1 RETURNING ${COLUMNS}`,
      [id, sealed, previous, previousHours],
    );
    return row;
  }

  /** False when the last test was less than `seconds` ago. The caller holds the lock. */
  async noteTest(tx: Tx, id: string, seconds: number): Promise<boolean> {
    const [, count] = await tx.query<[unknown[], number]>(
      `UPDATE subscriptions SET last_test_at = now()
        WHERE id = $1 AND (last_test_at IS NULL OR last_test_at < now() - make_interval(secs => $2))`,
      [id, seconds],
    );
    return count > 0;
  }

  /** Removes at most `limit` rows of its log and returns how many it removed. */
  async removeLog(tx: Tx, id: string, limit: number): Promise<number> {
    const [, count] = await tx.query<[unknown[], number]>(
      `DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE subscription_id = $1 ORDER BY position LIMIT $2)`,
      [id, limit],
    );
    return count;
  }

  /** Removes it with the rest of its log. */
  async remove(tx: Tx, id: string): Promise<void> {
    await tx.query(`DELETE FROM subscriptions WHERE id = $1`, [id]);
  }
}
