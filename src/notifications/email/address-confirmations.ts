import { Injectable } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { hashToken } from '../../auth/secret-token';
import { isReachableEmail } from '../../common/email-address';
import { DomainError } from '../../common/problem/domain-error';
import { AppConfig } from '../../config/app-config';
import type { Tx } from '../../database/transaction';
import type { ClaimedJob, JobResult } from '../../jobs/job-kinds';
import { JobQueue } from '../../jobs/job-queue';
import { retryDelayMs } from '../delivery-backoff';
import type { AddressConfirmation, ChannelTarget, ConfirmationQuestion } from '../notification-channel';
import { AddressConfirmationsRepository } from './address-confirmations.repository';
import { MailSender } from '../../mail/mail-sender';
import { confirmationText } from './mail-text';

const CODE_BYTES = 8;
const A_DAY_SECONDS = 86_400;

/** Sends one e-mail with a code to an address, and no other e-mail before the user has shown the code. */
@Injectable()
export class AddressConfirmations implements AddressConfirmation {
  constructor(
    private readonly confirmations: AddressConfirmationsRepository,
    private readonly mails: MailSender,
    private readonly jobs: JobQueue,
    private readonly config: AppConfig,
  ) {}

  /** Also throws `email_not_configured`. */
  async ask(tx: Tx, question: ConfirmationQuestion): Promise<void> {
    this.mails.requireConfigured();
    if (!isReachableEmail(question.email))
      throw new DomainError('conflict', 'Your account has no e-mail address. Set one with PATCH /api/auth/me first.');
    if (!(await this.confirmations.ask(tx, question)))
      throw new DomainError('rate_limited', 'This address was asked for its confirmation often enough today. Use the last code, or wait.', {
        retryAfterSeconds: A_DAY_SECONDS,
      });
    await this.jobs.enqueue(tx, [{ kind: 'notification.deliver', key: question.subscriptionId }]);
  }

  /** Whether the code is right. A right code is used up and confirms the address. The caller holds the lock of the user's row. */
  confirm(tx: Tx, address: Pick<ConfirmationQuestion, 'userId' | 'email'>, code: string): Promise<boolean> {
    return this.confirmations.confirm(tx, address, hashOf(code));
  }

  /** A code that cannot be sent within an hour is given up. */
  async sendQuestion(job: ClaimedJob, target: ChannelTarget): Promise<JobResult> {
    const code = randomBytes(CODE_BYTES).toString('hex');
    const id = await this.confirmations.takeUnsent(job, target.id, hashOf(code));
    if (id === null) return { kind: 'done' };
    const sent = await this.mails.send(target.email, { ...confirmationText(target.id, code, this.config.PUBLIC_URL), id });
    if (!sent.ok) {
      await this.confirmations.noteFailed(id, sent.words);
      return { kind: 'failed', words: sent.words, afterMs: retryDelayMs(job.attempts + 1, Math.random()) };
    }
    await this.confirmations.noteSent(id);
    return { kind: 'again', afterMs: 0 };
  }

  howToConfirm(subscriptionId: string): string {
    return `Send the code from our e-mail to POST /api/notifications/emails/${subscriptionId}/confirm first.`;
  }

  purge(): Promise<void> {
    return this.confirmations.purge();
  }
}

const hashOf = (code: string): string => hashToken(code.trim().toLowerCase());
