import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { Commands } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import { inTransaction, type Tx } from '../database/transaction';
import { Events } from '../events/events';
import type { AccountAddress } from './account-address';
import type { NotificationChannel, SubscriptionRef } from './notification-channel';
import { requireFound } from './refusals';
import type { SubscriptionChange, SubscriptionRecord, SubscriptionSettings } from './subscription';
import { subscriptionEntry, visible } from './subscription-audit';
import { SubscriptionsRepository, type LockedSubscription } from './subscriptions.repository';

const TEST_EVERY_SECONDS = 10;
/** How many rows of a log one statement removes: far fewer than its time limit allows. */
const LOG_BATCH = 5_000;

/** A subscription that was made. Its secret, if the channel has secrets, is shown to its owner now and never again. */
export interface Created<Secret extends string | null> {
  readonly record: SubscriptionRecord;
  readonly secret: Secret;
  readonly address: AccountAddress;
}

/** A subscription after a change. */
export interface Changed {
  readonly record: SubscriptionRecord;
  readonly address: AccountAddress;
}

/** A user's own subscriptions. Other users, including administrators, cannot see or change them. */
@Injectable()
export class SubscriptionsService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly commands: Commands,
    private readonly subscriptions: SubscriptionsRepository,
    private readonly events: Events,
  ) {}

  list(channel: NotificationChannel, actor: Actor): Promise<SubscriptionRecord[]> {
    return this.subscriptions.list(this.dataSource.manager, actor.userId, channel.kind);
  }

  /** Throws `not_found`. */
  async find(ref: SubscriptionRef, actor: Actor): Promise<SubscriptionRecord> {
    return requireFound(ref, await this.subscriptions.find(ref, actor.userId));
  }

  addressOf(actor: Actor): Promise<AccountAddress> {
    return this.subscriptions.addressOf(this.dataSource.manager, actor.userId);
  }

  /** Throws the refusals of the channel, and `conflict` when the user has too many subscriptions. */
  async create<Secret extends string | null>(
    channel: NotificationChannel<Secret>,
    settings: SubscriptionSettings,
    context: RequestContext,
  ): Promise<Created<Secret>> {
    const { userId } = context.actor;
    channel.requireAvailable();
    await channel.checkTarget(settings, userId);
    return this.commands.run(context, async (tx) => {
      const { count, address } = await this.subscriptions.lockOwner(tx, userId, channel.kind);
      if (count >= channel.mostPerUser) throw new DomainError('conflict', `You have ${count} of them already. Remove one first.`);
      const id = randomUUID();
      const { shown, sealed } = channel.issueSecret(id);
      const record = await this.subscriptions.insert(tx, { ...settings, id, userId, kind: channel.kind, secretSealed: sealed });
      if (!address.isConfirmed) await channel.confirmation?.ask(tx, { userId, email: address.email, subscriptionId: id });
      return {
        outcome: { record, secret: shown, address },
        audit: { ...subscriptionEntry({ channel, id }, 'create'), after: visible(channel, record) },
      };
    });
  }

  /** What is absent in the change stays. Throws `not_found` and the refusals of the channel. */
  async change(ref: SubscriptionRef, change: SubscriptionChange, context: RequestContext): Promise<Changed> {
    const { channel, id } = ref;
    await channel.checkTarget(change, context.actor.userId);
    return this.commands.run(context, async (tx) => {
      const before = await this.lock(tx, ref, context);
      const after = await this.subscriptions.change(tx, id, change);
      return {
        outcome: { record: after, address: await this.subscriptions.addressOf(tx, context.actor.userId) },
        audit: { ...subscriptionEntry(ref, 'change'), before: visible(channel, before), after: visible(channel, after) },
        jobs: after.enabled ? [{ kind: 'notification.deliver', key: id }] : [],
      };
    });
  }

  /**
   * Removes its log first, in batches, because events of days are more than one statement may remove. Repeat it when it
   * was cut off.
   */
  async remove(ref: SubscriptionRef, context: RequestContext): Promise<void> {
    await this.find(ref, context.actor);
    const removeBatch = (): Promise<number> => inTransaction(this.dataSource, (tx) => this.subscriptions.removeLog(tx, ref.id, LOG_BATCH));
    while ((await removeBatch()) === LOG_BATCH);
    await this.commands.run(context, async (tx) => {
      const before = await this.lock(tx, ref, context);
      await this.subscriptions.remove(tx, ref.id);
      return { outcome: undefined, audit: { ...subscriptionEntry(ref, 'remove'), before: visible(ref.channel, before) } };
    });
  }

  /**
   * Records a test event, which is delivered like any other event. Throws `conflict` when the subscription is switched
   * off, `rate_limited` when tests are too frequent.
   */
  test(ref: SubscriptionRef, context: RequestContext): Promise<void> {
    return this.commands.run(context, async (tx) => {
      await this.requireTestable(tx, ref, context);
      const { userId } = context.actor;
      await this.events.record(tx, [{ type: 'fog.notification.test', userId, data: { subscription_id: ref.id, requested_by: userId } }]);
      return { outcome: undefined, audit: subscriptionEntry(ref, 'test') };
    });
  }

  /** Throws when a test is not allowed. Notes the time, so that the next test is refused for a while. */
  private async requireTestable(tx: Tx, ref: SubscriptionRef, context: RequestContext): Promise<void> {
    const { channel, id } = ref;
    const { enabled } = await this.lock(tx, ref, context);
    if (!enabled) throw new DomainError('conflict', `This ${channel.noun.toLowerCase()} is switched off. Switch it on first.`);
    channel.requireAvailable();
    if (channel.confirmation && !(await this.subscriptions.addressOf(tx, context.actor.userId)).isConfirmed)
      throw new DomainError('conflict', `Your address is not confirmed yet. ${channel.confirmation.howToConfirm(id)}`);
    if (!(await this.subscriptions.noteTest(tx, id, TEST_EVERY_SECONDS)))
      throw new DomainError('rate_limited', `One test every ${TEST_EVERY_SECONDS} seconds`, { retryAfterSeconds: TEST_EVERY_SECONDS });
  }

  private async lock(tx: Tx, ref: SubscriptionRef, { actor }: RequestContext): Promise<LockedSubscription> {
    return requireFound(ref, await this.subscriptions.lock(tx, ref, actor.userId));
  }
}
