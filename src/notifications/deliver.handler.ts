import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Counter } from 'prom-client';
import { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import { Clock } from '../common/clock';
import { SecretBox } from '../common/crypto/secret-box';
import { inTransaction } from '../database/transaction';
import { toCloudEvent } from '../events/cloud-event';
import { Events } from '../events/events';
import type { ClaimedJob, JobHandler, JobResult } from '../jobs/job-kinds';
import { Metrics } from '../metrics/metrics';
import { AddressConfirmations } from './address-confirmations';
import { DeliveriesRepository, type DeliveryTarget, type DueDelivery } from './deliveries.repository';
import { DISABLE_AFTER_DAYS, pauseMs, retryDelayMs } from './delivery-backoff';
import { MailSender } from './mail-sender';
import { mailText } from './mail-text';
import type { Sent } from './sent';
import { secretContext } from './subscription-secret';
import { UserPlaces } from './user-places';
import { WebhookSender } from './webhook-sender';

const BATCH = 20;
/** How many targets one process talks to at a time. A dead one is asked once a minute, for five seconds at most. */
const TARGETS_AT_A_TIME = 32;
/** And how many of them may be one user's, however slow they are. */
const TARGETS_OF_A_USER = 4;
/** After so long a subscription lets the others go on. */
const TURN_MS = 5_000;
/** When all places of its user are taken, it looks again after so long. */
const CROWDED_MS = 1_000;
const GONE = 410;

/**
 * Makes the deliveries of one subscription, one after the other in the order of the feed. A failed one waits for its next
 * attempt and lets the others pass; the target itself is left alone for a moment too. At least once: when the process dies
 * between sending and recording, it is sent again under the same id.
 */
@Injectable()
export class DeliverHandler implements JobHandler {
  readonly kind = 'notification.deliver';
  readonly concurrency = TARGETS_AT_A_TIME;
  private readonly logger = new Logger(DeliverHandler.name);
  private readonly places = new UserPlaces(TARGETS_OF_A_USER);
  private readonly attempts: Counter<'kind' | 'result'>;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly deliveries: DeliveriesRepository,
    private readonly webhooks: WebhookSender,
    private readonly mails: MailSender,
    private readonly confirmations: AddressConfirmations,
    private readonly secrets: SecretBox,
    private readonly events: Events,
    private readonly audit: Audit,
    private readonly clock: Clock,
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
    if (!this.places.enter(target.userId)) return { kind: 'again', afterMs: CROWDED_MS };
    try {
      const result = target.isConfirmed ? await this.takeTurn(job, target, signal) : await this.confirmations.sendCode(job, target);
      if (result.kind !== 'again' || !this.places.isCrowded(target.userId)) return result;
      // Who was turned away looks again before this one.
      return { kind: 'again', afterMs: Math.max(result.afterMs, 2 * CROWDED_MS) };
    } finally {
      this.places.leave(target.userId);
    }
  }

  private async takeTurn(job: ClaimedJob, target: DeliveryTarget, signal: AbortSignal): Promise<JobResult> {
    if (!target.isActive || target.dueMs === null) return { kind: 'done' };
    const waitMs = Math.max(target.pauseMs, target.dueMs);
    if (waitMs > 0) return { kind: 'again', afterMs: waitMs };
    const end = performance.now() + TURN_MS;
    for (const delivery of await this.deliveries.due(target.id, BATCH)) {
      signal.throwIfAborted();
      const goesOn = await this.attempt(job, target, delivery, signal);
      if (!goesOn || performance.now() > end) break;
    }
    return { kind: 'again', afterMs: 0 };
  }

  /** False: what comes next must be read anew, because it failed or something has changed. */
  private async attempt(job: ClaimedJob, target: DeliveryTarget, delivery: DueDelivery, signal: AbortSignal): Promise<boolean> {
    const sent = await this.send(target, delivery, signal);
    // Cut off by us: nothing is known of it, and it is tried again.
    if (!sent.ok) signal.throwIfAborted();
    this.attempts.inc({ kind: target.kind, result: sent.ok ? 'delivered' : 'failed' });
    const recorded = await this.deliveries.record(job, {
      deliveryId: delivery.id,
      subscriptionId: target.id,
      sent,
      retryMs: retryDelayMs(delivery.attempts + 1, Math.random()),
      pauseMs: pauseMs(target.failures + 1),
    });
    if (target.kind === 'webhook' && sent.status === GONE)
      await this.disable(job, target, 'Switched off because the target answered 410 Gone.');
    else if (recorded?.hopeless === true) await this.disable(job, target, hopelessness(sent));
    return sent.ok && recorded?.revision === target.revision;
  }

  private async send(target: DeliveryTarget, { event }: DueDelivery, signal: AbortSignal): Promise<Sent> {
    const cloudEvent = toCloudEvent(event);
    if (target.kind === 'email') return this.mails.send(target.email, { ...mailText(cloudEvent), id: `${event.eventId}.${target.id}` });
    const sealed = [target.secretSealed, target.previousSecretSealed].filter((secret) => secret !== null);
    let secrets: string[];
    try {
      secrets = sealed.map((secret) => this.secrets.open(secret, secretContext(target.id)));
    } catch (error) {
      this.logger.error(`The secret of webhook ${target.id} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      return { ok: false, status: null, words: 'The secret of this webhook cannot be read; rotate it' };
    }
    const timestamp = Math.floor(this.clock.now().getTime() / 1000);
    const message = { url: target.url ?? '', id: event.eventId, timestamp, body: JSON.stringify(cloudEvent), secrets };
    return this.webhooks.send(message, signal);
  }

  private async disable(job: ClaimedJob, target: DeliveryTarget, reason: string): Promise<void> {
    await inTransaction(this.dataSource, async (tx) => {
      if (!(await this.deliveries.disable(tx, job, target.id, reason))) return;
      const data = { subscription_id: target.id, kind: target.kind, reason };
      await this.events.record(tx, [{ type: 'fog.notification.disabled', userId: target.userId, data }]);
      const after = { enabled: false, reason };
      await this.audit.recordSystem(tx, { action: `${target.kind}.disable`, resourceType: target.kind, resourceId: target.id, after });
    });
  }
}

const hopelessness = (sent: Sent): string =>
  `Switched off after ${String(DISABLE_AFTER_DAYS)} days of nothing but failures.${sent.ok ? '' : ` Last: ${sent.words}`}`;
