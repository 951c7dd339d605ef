import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Tx } from '../database/transaction';
import type { PublishedEvent } from '../events/cloud-event';
import type { PublishedRange } from '../events/event-publisher';
import { Channels } from './channels';
import { CREATE, DUE, ENQUEUE_FORGOTTEN, RECORD, TARGET } from './deliveries.sql';
import { DISABLE_AFTER_DAYS, DISABLE_AFTER_FAILURES, GIVE_UP_HOURS } from './delivery-backoff';
import type { ChannelTarget } from './notification-channel';
import type { Sent } from '../common/sent';

/** What deliveries need to know of their subscription. */
export interface DeliveryTarget extends ChannelTarget {
  readonly userId: string;
  readonly kind: string;
  /** Both the subscription and its user are switched on. */
  readonly isActive: boolean;
  /** Its user has confirmed the address of the account. Only some channels ask for that. */
  readonly isAddressConfirmed: boolean;
  readonly version: number;
  readonly failures: number;
  /** How many milliseconds to wait before anything is sent. */
  readonly pauseMs: number;
  /** Milliseconds until the next pending delivery is due; null: there is none. */
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

type JobClaim = Readonly<{ id: string; claim: string }>;

/** The SQL with which jobs make, send and record deliveries. */
@Injectable()
export class DeliveriesRepository {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly channels: Channels,
  ) {}

  /**
   * Makes deliveries of the events that have just got their positions, for all subscriptions that want them. Returns
   * the ids of the subscriptions that have work now.
   */
  async createFor(tx: Tx, { first, last }: PublishedRange): Promise<string[]> {
    const tellDisabled = this.channels.kindsWhere((channel) => channel.tellsOfDisabled);
    const rows = await tx.query<{ id: string }[]>(CREATE, [first, last, GIVE_UP_HOURS, this.kindsThatAsk(), tellDisabled]);
    return rows.map(({ id }) => id);
  }

  /** Null when the subscription does not exist any more. */
  async target(id: string): Promise<DeliveryTarget | null> {
    const mostAnHour = Object.fromEntries(this.channels.all.map((channel) => [channel.kind, channel.mostAnHour]));
    const [row] = await this.dataSource.query<DeliveryTarget[]>(TARGET, [id, JSON.stringify(mostAnHour)]);
    return row ?? null;
  }

  /** Those with the lowest positions first. */
  async due(subscriptionId: string, limit: number): Promise<DueDelivery[]> {
    const rows = await this.dataSource.query<DueDelivery[]>(DUE, [subscriptionId, limit]);
    return rows.map((row) => ({ ...row, event: { ...row.event, occurredAt: new Date(row.event.occurredAt) } }));
  }

  /**
   * Records the result of an attempt, in one statement. Gives null, and records nothing, when the job was taken over or
   * the subscription removed. `hopeless`: nothing has arrived there for days.
   */
  async record(
    job: JobClaim,
    { deliveryId, subscriptionId, sent, retryMs, pauseMs }: Attempt,
  ): Promise<{ version: number; hopeless: boolean } | null> {
    const words = sent.ok ? null : sent.words.slice(0, 500);
    const [row] = await this.dataSource.query<{ version: number; hopeless: boolean }[]>(RECORD, [
      ...[subscriptionId, deliveryId, job.id, job.claim, sent.ok, sent.status, words, retryMs, pauseMs],
      ...[DISABLE_AFTER_DAYS, DISABLE_AFTER_FAILURES],
    ]);
    return row ?? null;
  }

  /**
   * Switches a hopeless subscription off, and gives up its pending deliveries. False when it was switched off already
   * or the job was taken over.
   */
  async disable(tx: Tx, job: JobClaim, { id, reason }: { id: string; reason: string }): Promise<boolean> {
    const [, count] = await tx.query<[unknown[], number]>(
      `UPDATE subscriptions SET enabled = false, disabled_reason = $2, version = version + 1, updated_at = now()
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

  /** Gives a job to every subscription that has deliveries to make and lost its job. */
  async enqueueForgotten(): Promise<void> {
    await this.dataSource.query(ENQUEUE_FORGOTTEN, [this.kindsThatAsk()]);
  }

  /** For when the clock was set back: every delivery that waits for its next attempt is due now. */
  async bringForward(): Promise<void> {
    await this.dataSource.query(
      `UPDATE deliveries SET next_attempt_at = now()
        WHERE id IN (SELECT id FROM deliveries WHERE next_attempt_at > now() ORDER BY id FOR UPDATE)`,
    );
  }

  /** The kinds that send nothing to an address before it has been confirmed. */
  private kindsThatAsk(): string[] {
    return this.channels.kindsWhere((channel) => channel.confirmation !== null);
  }
}
