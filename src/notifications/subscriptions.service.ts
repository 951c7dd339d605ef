import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import type { AuditEntry } from '../audit/audit';
import type { Details } from '../audit/bounded-details';
import { Commands } from '../commands/commands';
import { SecretBox } from '../common/crypto/secret-box';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import { inTransaction, type Tx } from '../database/transaction';
import { Events } from '../events/events';
import { JobQueue } from '../jobs/job-queue';
import { AddressConfirmations } from './address-confirmations';
import { MailSender } from './mail-sender';
import { newWebhookSecret } from './signature';
import { secretContext } from './subscription-secret';
import {
  SubscriptionsRepository,
  type Address,
  type LockedSubscription,
  type SubscriptionChange,
  type SubscriptionKind,
  type SubscriptionRecord,
  type SubscriptionWish,
} from './subscriptions.repository';
import { UserPlaces } from './user-places';
import { TargetRefused, WebhookTargets } from './webhook-targets';

const KINDS: Readonly<Record<SubscriptionKind, { readonly name: string; readonly most: number }>> = {
  webhook: { name: 'Webhook', most: 20 },
  email: { name: 'E-mail subscription', most: 5 },
};
const OLD_SECRET_HOURS = 24;
const TEST_EVERY_SECONDS = 10;
/** Names that one user may have looked up at a time. */
const CHECKS_AT_A_TIME = 4;
/** Rows of a log that one statement removes: many fewer than its time limit allows. */
const LOG_BATCH = 5_000;

/** A subscription that was made. Its secret is shown to its owner now and never again. */
export interface Created {
  readonly record: SubscriptionRecord;
  readonly secret: string;
  readonly address: Address;
}

/** A webhook with the secret that signs from now on. */
export interface Rotated {
  readonly record: SubscriptionRecord;
  readonly secret: string;
}

/** A user's own subscriptions. Nobody else sees or changes them, administrators neither. */
@Injectable()
export class SubscriptionsService {
  private readonly checks = new UserPlaces(CHECKS_AT_A_TIME);

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly subscriptions: SubscriptionsRepository,
    private readonly targets: WebhookTargets,
    private readonly confirmations: AddressConfirmations,
    private readonly mails: MailSender,
    private readonly secrets: SecretBox,
    private readonly events: Events,
    private readonly jobs: JobQueue,
    private readonly commands: Commands,
  ) {}

  list(kind: SubscriptionKind, actor: Actor): Promise<SubscriptionRecord[]> {
    return this.subscriptions.list(this.dataSource.manager, actor.userId, kind);
  }

  async find(kind: SubscriptionKind, id: string, actor: Actor): Promise<SubscriptionRecord> {
    return found(kind, id, await this.subscriptions.find(id, actor.userId, kind));
  }

  addressOf(actor: Actor): Promise<Address> {
    return this.subscriptions.addressOf(this.dataSource.manager, actor.userId);
  }

  /** Throws `validation_failed` for a target that may not be reached, `conflict` when the user has enough. */
  async create(kind: SubscriptionKind, wish: SubscriptionWish, context: RequestContext): Promise<Created> {
    this.requireMailServer(kind);
    const { userId } = context.actor;
    if (wish.url !== null) await this.checkTarget(wish.url, userId);
    return this.commands.run(context, async (tx) => {
      const { count, ...address } = await this.subscriptions.lockOwner(tx, userId, kind);
      if (count >= KINDS[kind].most) throw new DomainError('conflict', `You have ${String(count)} of them already. Remove one first.`);
      const id = randomUUID();
      const secret = newWebhookSecret();
      const secretSealed = kind === 'webhook' ? this.secrets.seal(secret, secretContext(id)) : null;
      const record = await this.subscriptions.insert(tx, { ...wish, id, userId, kind, secretSealed });
      if (kind === 'email' && !address.isConfirmed) await this.confirmations.ask(tx, userId, address, id);
      return { outcome: { record, secret, address }, audit: { ...entry(kind, 'create', id), after: visible(record) } };
    });
  }

  async change(kind: SubscriptionKind, id: string, change: SubscriptionChange, context: RequestContext): Promise<SubscriptionRecord> {
    if (change.url != null) await this.checkTarget(change.url, context.actor.userId);
    return this.commands.run(context, async (tx) => {
      const before = await this.lock(tx, kind, id, context);
      const after = await this.subscriptions.change(tx, id, change);
      if (after.enabled) await this.jobs.enqueue(tx, [{ kind: 'notification.deliver', key: id }]);
      return { outcome: after, audit: { ...entry(kind, 'change', id), before: visible(before), after: visible(after) } };
    });
  }

  /** Its log goes before it, in batches: days of events are more than one statement may remove. Repeat it when it is cut off. */
  async remove(kind: SubscriptionKind, id: string, context: RequestContext): Promise<void> {
    await this.find(kind, id, context.actor);
    const removeBatch = (): Promise<number> => inTransaction(this.dataSource, (tx) => this.subscriptions.removeLog(tx, id, LOG_BATCH));
    while ((await removeBatch()) === LOG_BATCH);
    await this.commands.run(context, async (tx) => {
      const before = await this.lock(tx, kind, id, context);
      await this.subscriptions.remove(tx, id);
      return { outcome: undefined, audit: { ...entry(kind, 'remove', id), before: visible(before) } };
    });
  }

  /** The new secret signs from now on; the old one signs beside it for a day. */
  rotate(id: string, context: RequestContext): Promise<Rotated> {
    return this.commands.run(context, async (tx) => {
      const { secretSealed } = await this.lock(tx, 'webhook', id, context);
      const secret = newWebhookSecret();
      const sealed = { secret: this.secrets.seal(secret, secretContext(id)), previous: this.readable(id, secretSealed) };
      const record = await this.subscriptions.rotate(tx, id, sealed, OLD_SECRET_HOURS);
      return { outcome: { record, secret }, audit: entry('webhook', 'rotate_secret', id) };
    });
  }

  /** An event of its own, which takes the way that all others take. Throws `conflict` when switched off, `rate_limited` when too often. */
  test(kind: SubscriptionKind, id: string, context: RequestContext): Promise<void> {
    const { userId } = context.actor;
    return this.commands.run(context, async (tx) => {
      const { enabled } = await this.lock(tx, kind, id, context);
      if (!enabled) throw new DomainError('conflict', `This ${KINDS[kind].name.toLowerCase()} is switched off. Switch it on first.`);
      this.requireMailServer(kind);
      if (kind === 'email' && !(await this.subscriptions.addressOf(tx, userId)).isConfirmed)
        throw new DomainError('conflict', unconfirmed(id));
      if (!(await this.subscriptions.noteTest(tx, id, TEST_EVERY_SECONDS)))
        throw new DomainError('rate_limited', `One test every ${String(TEST_EVERY_SECONDS)} seconds`, {
          retryAfterSeconds: TEST_EVERY_SECONDS,
        });
      await this.events.record(tx, [{ type: 'fog.notification.test', userId, data: { subscription_id: id, requested_by: userId } }]);
      return { outcome: undefined, audit: entry(kind, 'test', id) };
    });
  }

  private async lock(tx: Tx, kind: SubscriptionKind, id: string, { actor }: RequestContext): Promise<LockedSubscription> {
    return found(kind, id, await this.subscriptions.lock(tx, id, actor.userId, kind));
  }

  /** An old secret that another key had encrypted is worth nothing, and would keep the new one from signing. */
  private readable(id: string, sealed: Buffer | null): Buffer | null {
    try {
      if (sealed !== null) this.secrets.open(sealed, secretContext(id));
      return sealed;
    } catch {
      return null;
    }
  }

  private requireMailServer(kind: SubscriptionKind): void {
    if (kind === 'email' && !this.mails.isConfigured)
      throw new DomainError('email_not_configured', 'E-mail is not configured on this server');
  }

  private async checkTarget(url: string, userId: string): Promise<void> {
    if (!this.checks.enter(userId))
      throw new DomainError('rate_limited', 'Too many addresses of yours are being checked', { retryAfterSeconds: 3 });
    try {
      await this.targets.check(url);
    } catch (error) {
      if (!(error instanceof TargetRefused)) throw error;
      throw new DomainError('validation_failed', `${error.message}.`, { errors: [{ pointer: '/url', detail: error.message }] });
    } finally {
      this.checks.leave(userId);
    }
  }
}

function found<T>(kind: SubscriptionKind, id: string, record: T | null): T {
  if (record === null) throw new DomainError('not_found', `${KINDS[kind].name} ${id} not found`);
  return record;
}

const unconfirmed = (id: string): string =>
  `Your address is not confirmed yet. Send the code from our e-mail to POST /api/notifications/emails/${id}/confirm first.`;

const entry = (kind: SubscriptionKind, verb: string, id: string): AuditEntry => ({
  action: `${kind}.${verb}`,
  resourceType: kind,
  resourceId: id,
});

/** For the audit log: of an address only where it leads, because its path and query often hold a token. */
const visible = ({ url, eventTypes, labels, enabled }: SubscriptionRecord): Details => ({
  ...(url === null ? {} : { url: new URL(url).origin }),
  event_types: [...eventTypes],
  labels: { ...labels },
  enabled,
});
