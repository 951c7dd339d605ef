import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction';
import { GIVE_UP_HOURS } from './delivery-backoff';

export const DELIVERY_STATES = ['pending', 'delivered', 'dead'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export interface DeliveryRecord {
  readonly id: string;
  readonly subscriptionId: string;
  readonly eventId: string;
  readonly type: string;
  readonly position: number;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly responseStatus: number | null;
  readonly error: string | null;
  readonly lastAttemptAt: Date | null;
  readonly nextAttemptAt: Date | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

const SELECT = `
  SELECT d.id, d.subscription_id AS "subscriptionId", e.event_id AS "eventId", e.type, d.position::float8 AS position,
         d.state, d.attempts, d.response_status AS "responseStatus", d.error, d.last_attempt_at AS "lastAttemptAt",
         d.next_attempt_at AS "nextAttemptAt", d.created_at AS "createdAt", d.finished_at AS "finishedAt"
    FROM deliveries AS d JOIN events AS e ON e.id = d.event`;

/** The SQL by which owners read their deliveries and ask for one again. */
@Injectable()
export class DeliveryLogRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Deliveries before the position, or the newest ones when it is null. Newest first. */
  page(subscriptionId: string, before: number | null, limit: number): Promise<DeliveryRecord[]> {
    return this.dataSource.query<DeliveryRecord[]>(
      `${SELECT}
        WHERE d.subscription_id = $1 AND d.position < coalesce($2::bigint, 9223372036854775807)
        ORDER BY d.position DESC LIMIT $3`,
      [subscriptionId, before, limit],
    );
  }

  /** Locks the subscription, then the delivery; null when it is not of this user. */
  async lock(tx: Tx, id: string, userId: string): Promise<(DeliveryRecord & { isEnabled: boolean }) | null> {
    const [owner] = await tx.query<{ isEnabled: boolean }[]>(
      `SELECT s.enabled AS "isEnabled" FROM subscriptions AS s
        WHERE s.id = (SELECT subscription_id FROM deliveries WHERE id = $1) AND s.user_id = $2 FOR NO KEY UPDATE`,
      [id, userId],
    );
    if (!owner) return null;
    const [row] = await tx.query<DeliveryRecord[]>(`${SELECT} WHERE d.id = $1 FOR UPDATE OF d`, [id]);
    return row ? { ...row, ...owner } : null;
  }

  /** Makes the delivery due at once and gives it the full time and number of attempts again. The caller holds the lock. */
  async sendAgain(tx: Tx, { id, subscriptionId }: DeliveryRecord): Promise<DeliveryRecord> {
    await tx.query(
      `UPDATE deliveries
          SET state = 'pending', attempts = 0, next_attempt_at = now(),
              give_up_at = now() + make_interval(hours => $2), finished_at = NULL
        WHERE id = $1`,
      [id, GIVE_UP_HOURS],
    );
    await tx.query(`UPDATE subscriptions SET retry_at = NULL WHERE id = $1`, [subscriptionId]);
    const [row] = await tx.query<[DeliveryRecord]>(`${SELECT} WHERE d.id = $1`, [id]);
    return row;
  }
}
