import { Injectable } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { hashToken } from '../auth/secret-token';
import { Commands, UNCHANGED } from '../commands/commands';
import { isReachableEmail } from '../common/email-address';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import type { Tx } from '../database/transaction';
import type { ClaimedJob, JobResult } from '../jobs/job-kinds';
import { JobQueue } from '../jobs/job-queue';
import { AddressConfirmationsRepository } from './address-confirmations.repository';
import type { DeliveryTarget } from './deliveries.repository';
import { retryDelayMs } from './delivery-backoff';
import { MailSender } from './mail-sender';
import { confirmationText } from './mail-text';
import { SubscriptionsRepository, type Address, type SubscriptionRecord } from './subscriptions.repository';

/** An e-mail subscription, and where its e-mails go. */
export interface EmailSubscription {
  readonly record: SubscriptionRecord;
  readonly address: Address;
}

const CODE_BYTES = 8;
const A_DAY_SECONDS = 86_400;

/** Sees to it that e-mails go only where somebody has agreed: an address is asked by one e-mail with a code before any other. */
@Injectable()
export class AddressConfirmations {
  constructor(
    private readonly commands: Commands,
    private readonly confirmations: AddressConfirmationsRepository,
    private readonly subscriptions: SubscriptionsRepository,
    private readonly mails: MailSender,
    private readonly jobs: JobQueue,
  ) {}

  /** Has a code sent, by the job of the subscription. The caller holds the lock of the user's row. Throws `conflict`, `rate_limited`. */
  async ask(tx: Tx, userId: string, { email }: Address, subscriptionId: string): Promise<void> {
    if (!this.mails.isConfigured) throw new DomainError('email_not_configured', 'E-mail is not configured on this server');
    if (!isReachableEmail(email))
      throw new DomainError('conflict', 'Your account has no e-mail address. Set one with PATCH /api/auth/me first.');
    if (!(await this.confirmations.ask(tx, userId, email, subscriptionId)))
      throw new DomainError('rate_limited', 'This address was asked for its confirmation often enough today. Use the last code, or wait.', {
        retryAfterSeconds: A_DAY_SECONDS,
      });
    await this.jobs.enqueue(tx, [{ kind: 'notification.deliver', key: subscriptionId }]);
  }

  /** Confirms the user's address with a code from its e-mail; without a code a new one is sent. Throws `validation_failed` for a wrong one. */
  confirm(id: string, code: string | undefined, context: RequestContext): Promise<EmailSubscription> {
    const { userId } = context.actor;
    return this.commands.run<EmailSubscription>(context, async (tx) => {
      const address = await this.subscriptions.lockOwner(tx, userId, 'email');
      const record = await this.subscriptions.lock(tx, id, userId, 'email');
      if (!record) throw new DomainError('not_found', `E-mail subscription ${id} not found`);
      if (!address.isConfirmed && code === undefined) await this.ask(tx, userId, address, id);
      const isConfirmed =
        address.isConfirmed || (code !== undefined && (await this.confirmations.confirm(tx, userId, address.email, hashOf(code))));
      // A wrong code is counted, so the transaction commits all the same.
      if (!isConfirmed && code !== undefined) return { refusal: wrongCode(), audit: UNCHANGED };
      if (isConfirmed) await this.wakeAll(tx, userId);
      return {
        outcome: { record, address: { ...address, isConfirmed } },
        audit: { action: 'email.confirm', resourceType: 'email', resourceId: id },
      };
    });
  }

  /** Sends the code that waits, if one does. One that cannot be sent within an hour is given up. */
  async sendCode(job: ClaimedJob, target: DeliveryTarget): Promise<JobResult> {
    const code = randomBytes(CODE_BYTES).toString('hex');
    const id = await this.confirmations.takeUnsent(job, target.id, hashOf(code));
    if (id === null) return { kind: 'done' };
    const sent = await this.mails.send(target.email, { ...confirmationText(target.id, code), id });
    if (!sent.ok) return { kind: 'failed', words: sent.words, afterMs: retryDelayMs(job.attempts + 1, Math.random()) };
    await this.confirmations.noteSent(id);
    return { kind: 'again', afterMs: 0 };
  }

  /** What had waited for the confirmation goes out. */
  private async wakeAll(tx: Tx, userId: string): Promise<void> {
    const records = await this.subscriptions.list(tx, userId, 'email');
    await this.jobs.enqueue(
      tx,
      records.map(({ id }) => ({ kind: 'notification.deliver', key: id })),
    );
  }
}

const hashOf = (code: string): string => hashToken(code.trim().toLowerCase());

function wrongCode(): DomainError {
  const detail = 'code is wrong, was used, or has expired. Ask for a new one by sending none';
  return new DomainError('validation_failed', `${detail}.`, { errors: [{ pointer: '/code', detail }] });
}
