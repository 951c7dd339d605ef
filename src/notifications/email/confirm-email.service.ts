import { Injectable } from '@nestjs/common';
import { Commands, UNCHANGED } from '../../commands/commands';
import { DomainError } from '../../common/problem/domain-error';
import type { RequestContext } from '../../common/request-context';
import type { Tx } from '../../database/transaction';
import type { JobWish } from '../../jobs/job-kinds';
import type { AccountAddress } from '../account-address';
import type { ConfirmationQuestion } from '../notification-channel';
import { requireFound } from '../refusals';
import type { SubscriptionRecord } from '../subscription';
import { subscriptionEntry } from '../subscription-audit';
import { SubscriptionsRepository } from '../subscriptions.repository';
import { AddressConfirmations } from './address-confirmations';
import { EmailChannel } from './email.channel';

/** An e-mail subscription, and where its e-mails go. */
export interface EmailSubscription {
  readonly record: SubscriptionRecord;
  readonly address: AccountAddress;
}

/** Confirms the address of an account, for all e-mail subscriptions of its user. */
@Injectable()
export class ConfirmEmailService {
  constructor(
    private readonly channel: EmailChannel,
    private readonly commands: Commands,
    private readonly confirmations: AddressConfirmations,
    private readonly subscriptions: SubscriptionsRepository,
  ) {}

  /** Checks the code from the e-mail, or sends a new one when there is no code. Throws `validation_failed` for a wrong one. */
  confirm(id: string, code: string | undefined, context: RequestContext): Promise<EmailSubscription> {
    const ref = { channel: this.channel, id };
    const { userId } = context.actor;
    return this.commands.run<EmailSubscription>(context, async (tx) => {
      const { address } = await this.subscriptions.lockOwner(tx, userId, this.channel.kind);
      const record = requireFound(ref, await this.subscriptions.lock(tx, ref, userId));
      const isConfirmed = address.isConfirmed || (await this.takeCode(tx, code, { userId, email: address.email, subscriptionId: id }));
      // A wrong code is counted, so the transaction commits all the same.
      if (!isConfirmed && code !== undefined) return { refusal: wrongCode(), audit: UNCHANGED };
      return {
        outcome: { record, address: { ...address, isConfirmed } },
        audit: subscriptionEntry(ref, 'confirm'),
        jobs: isConfirmed ? await this.waitingFor(tx, userId) : [],
      };
    });
  }

  /** Whether the code confirms the address. When there is none, a new one is sent. */
  private async takeCode(tx: Tx, code: string | undefined, question: ConfirmationQuestion): Promise<boolean> {
    if (code !== undefined) return this.confirmations.confirm(tx, question, code);
    await this.confirmations.ask(tx, question);
    return false;
  }

  /** The jobs that make the deliveries that have waited for the confirmation. */
  private async waitingFor(tx: Tx, userId: string): Promise<JobWish[]> {
    const records = await this.subscriptions.list(tx, userId, this.channel.kind);
    return records.map(({ id }) => ({ kind: 'notification.deliver', key: id }));
  }
}

function wrongCode(): DomainError {
  const detail = 'code is wrong, was used, or has expired. Ask for a new one by sending none';
  return new DomainError('validation_failed', `${detail}.`, { errors: [{ pointer: '/code', detail }] });
}
