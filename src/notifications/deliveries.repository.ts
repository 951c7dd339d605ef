import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction';
import type { PublishedEvent } from '../events/cloud-event';
import type { PublishedRange } from '../events/event-publisher';
import { IS_CONFIRMED } from './address-confirmations.repository';
import { DISABLE_AFTER_DAYS, DISABLE_AFTER_FAILURES, GIVE_UP_HOURS } from './delivery-backoff';
import type { Sent } from './sent';
import type { SubscriptionKind } from './subscriptions.repository';

/** A subscription as its deliveries need it. */
export interface DeliveryTarget {
  readonly id: string;
  readonly userId: string;
  readonly kind: SubscriptionKind;
  readonly url: string | null;
  readonly email: string;
  /** Neither it nor its user is switched off. */
  readonly isActive: boolean;
  /** False: it is an e-mail, and its user has not confirmed the address that he has now. */
  readonly isConfirmed: boolean;
  readonly revision: number;
  readonly failures: number;
  readonly secretSealed: Buffer | null;
  /** Null when there is none or its time is over. */
  readonly previousSecretSealed: Buffer | null;
  /** Nothing is sent before so many milliseconds have passed. */
  readonly pauseMs: number;
  /** Until the next pending delivery is due; null: there is none. */
  readonly dueMs: number | null;
}

export interface DueDelivery {
  readonly id: string;
  readonly attempts: number;
  readonly event: PublishedEvent;
}

export interface Attempt {
  readonly deliveryId: string;
  readonly subscriptionId: string;
  readonly sent: Sent;
  readonly retryMs: number;
  readonly pauseMs: number;
}

/** More wait until the hour is over; a turn that has begun is ended. */
const MAILS_AN_HOUR = 60;

type JobClaim = Readonly<{ id: string; claim: string }>;

/** What the background does with deliveries. */
@Injectable()
export class DeliveriesRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Deliveries for whoever wants the events that have just got their positions. Returns whose subscriptions have work now. */
  async createFor(tx: Tx, { first, last }: PublishedRange): Promise<string[]> {
    const rows = await tx.query<{ id: string }[]>(CREATE, [first, last, GIVE_UP_HOURS]);
    return rows.map(({ id }) => id);
  }

  /** Null when it is gone. */
  async target(id: string): Promise<DeliveryTarget | null> {
    const [row] = await this.dataSource.query<DeliveryTarget[]>(TARGET, [id, MAILS_AN_HOUR]);
    return row ?? null;
  }

  /** The oldest of the feed first. */
  async due(subscriptionId: string, limit: number): Promise<DueDelivery[]> {
    const rows = await this.dataSource.query<DueDelivery[]>(DUE, [subscriptionId, limit]);
    return rows.map((row) => ({ ...row, event: { ...row.event, occurredAt: new Date(row.event.occurredAt) } }));
  }

  /**
   * Writes down what became of an attempt, in one statement. Null: the job was taken over or the subscription removed, and
   * nothing was written. `hopeless`: nothing has arrived there for days.
   */
  async record(
    job: JobClaim,
    { deliveryId, subscriptionId, sent, retryMs, pauseMs }: Attempt,
  ): Promise<{ revision: number; hopeless: boolean } | null> {
    const words = sent.ok ? null : sent.words.slice(0, 500);
    const [row] = await this.dataSource.query<{ revision: number; hopeless: boolean }[]>(RECORD, [
      ...[subscriptionId, deliveryId, job.id, job.claim, sent.ok, sent.status, words, retryMs, pauseMs],
      ...[DISABLE_AFTER_DAYS, DISABLE_AFTER_FAILURES],
    ]);
    return row ?? null;
  }

  /** Switches a hopeless subscription off, and gives up what waits for it. False when somebody was faster or the job is lost. */
  async disable(tx: Tx, job: JobClaim, id: string, reason: string): Promise<boolean> {
    const [, count] = await tx.query<[unknown[], number]>(
      `UPDATE subscriptions SET enabled = false, disabled_reason = $2, revision = revision + 1, updated_at = now()
        WHERE id = $1 AND enabled AND EXISTS (SELECT 1 FROM jobs WHERE id = $3 AND claim = $4)`,
      [id, reason, job.id, job.claim],
    );
    if (count === 0) return false;
    await tx.query(
      `UPDATE deliveries SET state = 'dead', next_attempt_at = NULL, finished_at = now(), error = coalesce(error, $2)
        WHERE subscription_id = $1 AND state = 'pending'`,
      [id, reason],
    );
    return true;
  }

  /** The safety net of the queue: what has deliveries to make and no job gets one. */
  async enqueueForgotten(): Promise<void> {
    await this.dataSource.query(`
      INSERT INTO jobs (kind, key)
      SELECT 'notification.deliver', s.id::text FROM subscriptions AS s JOIN users AS u ON u.id = s.user_id AND u.is_active
       WHERE s.enabled AND (s.kind <> 'email' OR ${IS_CONFIRMED})
         AND EXISTS (SELECT 1 FROM deliveries AS d WHERE d.subscription_id = s.id AND d.state = 'pending')
       ORDER BY s.id
          ON CONFLICT (kind, key) DO NOTHING`);
  }
}

/** The lock skips subscriptions that are being removed. A test goes to its own subscription; bad news of one reach every e-mail. */
const CREATE = `
  WITH wanted AS (
    SELECT s.id AS subscription_id, e.id AS event, e.position
      FROM events AS e
      JOIN subscriptions AS s ON s.user_id = e.user_id AND s.enabled
      JOIN users AS u ON u.id = s.user_id AND u.is_active
     WHERE e.position BETWEEN $1 AND $2 AND (s.kind <> 'email' OR ${IS_CONFIRMED})
       AND CASE WHEN e.type = 'fog.notification.test' THEN e.data ->> 'subscription_id' = s.id::text
                WHEN e.type = 'fog.notification.disabled' AND s.kind = 'email' THEN true
                ELSE (s.event_types = '{}' OR e.type = ANY(s.event_types)) AND e.labels @> s.labels END
     ORDER BY s.id, e.position
       FOR KEY SHARE OF s),
  created AS (
    INSERT INTO deliveries (subscription_id, event, position, give_up_at)
    SELECT subscription_id, event, position, now() + make_interval(hours => $3) FROM wanted
    RETURNING subscription_id)
  SELECT DISTINCT subscription_id AS id FROM created ORDER BY id`;

const TARGET = `
  SELECT s.id, s.user_id AS "userId", s.kind, s.url, u.email, u.is_active AND s.enabled AS "isActive",
         s.kind <> 'email' OR ${IS_CONFIRMED} AS "isConfirmed", s.revision, s.failures,
         s.secret_sealed AS "secretSealed",
         CASE WHEN s.previous_secret_until > now() THEN s.previous_secret_sealed END AS "previousSecretSealed",
         greatest(0, ceil(extract(epoch FROM greatest(s.retry_at,
           CASE WHEN s.kind = 'email' THEN (SELECT d.finished_at + interval '1 hour' FROM deliveries AS d
                                             WHERE d.subscription_id = s.id AND d.state = 'delivered'
                                             ORDER BY d.position DESC OFFSET $2::int - 1 LIMIT 1) END) - now()) * 1000))::int AS "pauseMs",
         (SELECT greatest(0, ceil(extract(epoch FROM min(d.next_attempt_at) - now()) * 1000))::float8
            FROM deliveries AS d WHERE d.subscription_id = s.id AND d.state = 'pending' HAVING count(*) > 0) AS "dueMs"
    FROM subscriptions AS s JOIN users AS u ON u.id = s.user_id
   WHERE s.id = $1`;

const DUE = `
  SELECT d.id, d.attempts,
         json_build_object('eventId', e.event_id, 'position', e.position, 'type', e.type, 'userId', e.user_id,
                           'deploymentId', e.deployment_id, 'labels', e.labels, 'data', e.data, 'occurredAt', e.occurred_at) AS event
    FROM deliveries AS d JOIN events AS e ON e.id = d.event
   WHERE d.subscription_id = $1 AND d.state = 'pending' AND d.next_attempt_at <= now()
   ORDER BY d.position LIMIT $2`;

const RECORD = `
  WITH told AS (
    UPDATE subscriptions
       SET failures = CASE WHEN $5 THEN 0 ELSE failures + 1 END,
           failing_since = CASE WHEN $5 THEN NULL ELSE coalesce(failing_since, now()) END,
           retry_at = CASE WHEN $5 THEN NULL ELSE now() + make_interval(secs => $9::float8 / 1000) END
     WHERE id = $1 AND EXISTS (SELECT 1 FROM jobs WHERE id = $3 AND claim = $4)
    RETURNING id, revision, failures, failing_since),
  written AS (
    UPDATE deliveries AS d
       SET attempts = d.attempts + 1, last_attempt_at = now(), response_status = $6, error = $7,
           state = CASE WHEN $5 THEN 'delivered' WHEN d.give_up_at <= now() + next.wait THEN 'dead' ELSE 'pending' END,
           next_attempt_at = CASE WHEN NOT $5 AND d.give_up_at > now() + next.wait THEN now() + next.wait END,
           finished_at = CASE WHEN $5 OR d.give_up_at <= now() + next.wait THEN now() END
      FROM told, (SELECT make_interval(secs => $8::float8 / 1000) AS wait) AS next
     WHERE d.id = $2 AND d.state = 'pending')
  SELECT revision, coalesce(failing_since < now() - make_interval(days => $10) AND failures >= $11, false) AS hopeless FROM told`;
