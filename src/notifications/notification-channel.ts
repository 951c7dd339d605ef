import type { Details } from '../audit/bounded-details';
import type { Tx } from '../database/transaction';
import type { CloudEvent } from '../events/cloud-event';
import type { ClaimedJob, JobResult } from '../jobs/job-kinds';
import type { Sent } from '../common/sent';
import type { SubscriptionChange, SubscriptionRecord } from './subscription';

/** What a channel needs to know of a subscription to send something. */
export interface ChannelTarget {
  readonly id: string;
  /** Where it leads; null: to the address of its user's account. */
  readonly url: string | null;
  /** The address of its user's account. */
  readonly email: string;
  readonly secretSealed: Buffer | null;
  /** The secret before; null when there is none or its time is over. */
  readonly previousSecretSealed: Buffer | null;
}

/** A secret that was made for a subscription. */
export interface IssuedSecret<Secret> {
  /** Shown to the owner once; null: the channel has no secrets. */
  readonly shown: Secret;
  /** The encrypted secret, as the database keeps it. */
  readonly sealed: Buffer | null;
}

/** An address to confirm, and the subscription whose job sends the e-mail with the question. */
export interface ConfirmationQuestion {
  readonly userId: string;
  readonly email: string;
  readonly subscriptionId: string;
}

/** How a channel makes sure that the reader of an address has agreed before anything else is sent there. */
export interface AddressConfirmation {
  /**
   * Has a question sent to the address, by the job of the subscription. The caller holds the lock of the user's row.
   * Throws `conflict` when the account has no address, and `rate_limited` when too many were sent.
   */
  ask(tx: Tx, question: ConfirmationQuestion): Promise<void>;
  /** Sends a pending question, if there is one, instead of deliveries. */
  sendQuestion(job: ClaimedJob, target: ChannelTarget): Promise<JobResult>;
  /** How the owner of a subscription confirms the address, in words. */
  howToConfirm(subscriptionId: string): string;
  /** Removes questions that no limit counts any more. Safe to repeat. */
  purge(): Promise<void>;
}

/**
 * One way to tell users of events, such as webhooks. The room keeps subscriptions, and the order, repetition and log of their
 * deliveries; a channel only says where a subscription may lead, and sends. The rest of the room knows channels by this
 * contract alone. A channel is a folder with its adapter, its routes and its words, and an entry in channel-list.ts.
 *
 * - `checkTarget` and `send` may talk to the network, so they are never called within a transaction.
 * - `issueSecret` and `confirmation.ask` are called within one, which may run again: they touch only the database.
 * - An event may be sent more than once, each time under the same id, so that receivers can drop what they have had.
 */
export abstract class NotificationChannel<Secret extends string | null = string | null> {
  /** The name of the channel in the database, in events, in the audit log and in metrics. It never changes. */
  abstract readonly kind: string;
  /** What a subscription of this channel is called in answers. */
  abstract readonly noun: string;
  /** How many subscriptions a user may have. */
  abstract readonly mostPerUser: number;
  /** About how many events a subscription gets in an hour. More of them wait. Null: no limit. */
  abstract readonly mostAnHour: number | null;
  /** Whether it also reports subscriptions that were switched off to subscriptions that did not ask for that type of event. */
  abstract readonly tellsOfDisabled: boolean;
  /** Null: addresses need no confirmation. */
  abstract readonly confirmation: AddressConfirmation | null;

  /** Throws a DomainError when this server cannot send through the channel at all. */
  abstract requireAvailable(): void;

  /** Checks where a new or changed subscription shall lead. Throws `validation_failed` or `rate_limited`. */
  abstract checkTarget(settings: Pick<SubscriptionChange, 'url'>, userId: string): Promise<void>;

  /** Makes the secret of a new subscription, when the channel has secrets. */
  abstract issueSecret(subscriptionId: string): IssuedSecret<Secret>;

  /** Where a subscription leads, as the audit log may show it: without anything that may hold a token. */
  abstract visibleTarget(record: SubscriptionRecord): Details;

  /** Sends one event. Never throws: the result says what went wrong, and whether no later attempt can succeed. */
  abstract send(target: ChannelTarget, event: CloudEvent, signal: AbortSignal): Promise<Sent>;
}

/** A subscription of one channel. */
export interface SubscriptionRef {
  readonly channel: NotificationChannel;
  readonly id: string;
}
