import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Counter } from 'prom-client';
import { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import { inTransaction } from '../database/transaction';
import { toCloudEvent } from '../events/cloud-event';
import { Events } from '../events/events';
import type { ClaimedJob, JobHandler, JobResult } from '../jobs/job-kinds';
import { Metrics } from '../metrics/metrics';
import { Channels } from './channels';
import { DeliveriesRepository, type DeliveryTarget, type DueDelivery } from './deliveries.repository';
import { DISABLE_AFTER_DAYS, pauseMs, retryDelayMs } from './delivery-backoff';
import type { NotificationChannel } from './notification-channel';
import type { Sent } from '../common/sent';
import { subscriptionEntry } from './subscription-audit';
import { UserPlaces } from './user-places';

const BATCH = 20;
/**
 * How many targets one process talks to at a time. A target that does not answer is tried once a minute, for at most
 * five seconds.
 */
const TARGETS_AT_A_TIME = 32;
/** How many of these may belong to one user, however slow they are. */
const TARGETS_OF_A_USER = 4;
/** After this time a subscription ends its turn, so that others get theirs. */
const TURN_MS = 5_000;
/** How long a subscription waits when its user has no free place. */
const CROWDED_MS = 1_000;

/** One job's turn for one subscription. */
interface Turn {
  readonly job: ClaimedJob;
  readonly target: DeliveryTarget;
  readonly channel: NotificationChannel;
  readonly signal: AbortSignal;
}

/**
 * Makes the deliveries of one subscription, one after the other in the order of the feed. A failed delivery waits for
 * its next attempt while others go on; the target itself gets nothing for a moment either. Events arrive at least once:
 * when the process dies between sending and recording, the event is sent again under the same id.
 */
@Injectable()
export class DeliverHandler implements JobHandler {
  readonly kind = 'notification.deliver';
  readonly concurrency = TARGETS_AT_A_TIME;
  private readonly places = new UserPlaces(TARGETS_OF_A_USER);
  private readonly attempts: Counter<'kind' | 'result'>;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly deliveries: DeliveriesRepository,
    private readonly channels: Channels,
    private readonly events: Events,
    private readonly audit: Audit,
    metrics: Metrics,
  ) {
    this.attempts = metrics.counter({
      name: 'fog_notification_attempts_total',
      help: 'Attempts to deliver an event, by what became of them.',
      labels: ['kind', 'result'],
    });
  }

  async handle(job: ClaimedJob, signal: AbortSignal): Promise<JobResult> {
    const target = await this.deliveries.target(job.key);
    if (!target) return { kind: 'done' };
    const turn: Turn = { job, target, channel: this.channels.of(target.kind), signal };
    if (!this.places.enter(target.userId)) return { kind: 'again', afterMs: CROWDED_MS };
    try {
      const result = await this.takeTurn(turn);
      if (result.kind !== 'again' || !this.places.isCrowded(target.userId)) return result;
      // Waits longer than those that found no place, so that they look first.
      return { kind: 'again', afterMs: Math.max(result.afterMs, 2 * CROWDED_MS) };
    } finally {
      this.places.leave(target.userId);
    }
  }

  private takeTurn(turn: Turn): Promise<JobResult> {
    const { job, target, channel } = turn;
    if (channel.confirmation && !target.isAddressConfirmed) return channel.confirmation.sendQuestion(job, target);
    return this.deliver(turn);
  }

  private async deliver(turn: Turn): Promise<JobResult> {
    const { target, signal } = turn;
    if (!target.isActive || target.dueMs === null) return { kind: 'done' };
    const waitMs = Math.max(target.pauseMs, target.dueMs);
    if (waitMs > 0) return { kind: 'again', afterMs: waitMs };
    const end = performance.now() + TURN_MS;
    for (const delivery of await this.deliveries.due(target.id, BATCH)) {
      signal.throwIfAborted();
      const goesOn = await this.attempt(turn, delivery);
      if (!goesOn || performance.now() > end) break;
    }
    return { kind: 'again', afterMs: 0 };
  }

  /** Gives false when the rest must be read again, because the attempt failed or something has changed. */
  private async attempt(turn: Turn, delivery: DueDelivery): Promise<boolean> {
    const { job, target, channel, signal } = turn;
    const sent = await channel.send(target, toCloudEvent(delivery.event), signal);
    // We have cut the attempt off, so its result is unknown and it is made again.
    if (!sent.ok) signal.throwIfAborted();
    this.attempts.inc({ kind: channel.kind, result: sent.ok ? 'delivered' : 'failed' });
    const recorded = await this.deliveries.record(job, {
      deliveryId: delivery.id,
      subscriptionId: target.id,
      sent,
      retryMs: retryDelayMs(delivery.attempts + 1, Math.random()),
      pauseMs: pauseMs(target.failures + 1),
    });
    if (!sent.ok && sent.disabledReason !== undefined) await this.disable(turn, sent.disabledReason);
    else if (recorded?.hopeless === true) await this.disable(turn, hopelessness(sent));
    return sent.ok && recorded?.version === target.version;
  }

  private async disable({ job, target, channel }: Turn, reason: string): Promise<void> {
    await inTransaction(this.dataSource, async (tx) => {
      if (!(await this.deliveries.disable(tx, job, { id: target.id, reason }))) return;
      const data = { subscription_id: target.id, kind: channel.kind, reason };
      await this.events.record(tx, [{ type: 'fog.notification.disabled', userId: target.userId, data }]);
      const after = { enabled: false, reason };
      await this.audit.recordSystem(tx, { ...subscriptionEntry({ channel, id: target.id }, 'disable'), after });
    });
  }
}

const hopelessness = (sent: Sent): string =>
  `Switched off after ${String(DISABLE_AFTER_DAYS)} days of nothing but failures.${sent.ok ? '' : ` Last: ${sent.words}`}`;
