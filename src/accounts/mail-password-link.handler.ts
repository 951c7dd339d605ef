import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { hashToken, newSecretToken, PASSWORD_LINK_PREFIX } from '../auth/secret-token';
import { isReachableEmail } from '../common/email-address';
import { AppConfig } from '../config/app-config';
import type { ClaimedJob, JobHandler, JobResult } from '../jobs/job-kinds';
import { MailSender } from '../mail/mail-sender';
import { passwordMailText } from './password-mail';
import { PasswordLinksRepository } from './password-links.repository';

const VALID_HOURS = 1;
const MOST_ATTEMPTS = 8;

/**
 * Mails a one-time link to the user that the job's key names. For whom there is none, because no such account exists, it does
 * nothing: whoever asks cannot tell the two apart. An e-mail that cannot be sent is given up after several attempts.
 */
@Injectable()
export class MailPasswordLinkHandler implements JobHandler {
  readonly kind = 'account.mail_password_link';
  readonly concurrency = 4;

  constructor(
    private readonly links: PasswordLinksRepository,
    private readonly mails: MailSender,
    private readonly config: AppConfig,
  ) {}

  async handle(job: ClaimedJob): Promise<JobResult> {
    const token = newSecretToken(PASSWORD_LINK_PREFIX);
    const user = await this.links.openForMail(job, { tokenHash: hashToken(token), hours: VALID_HOURS });
    if (!user || !isReachableEmail(user.email)) return { kind: 'done' };
    const text = passwordMailText(token, { hours: VALID_HOURS, publicUrl: this.config.PUBLIC_URL });
    const sent = await this.mails.send(user.email, { ...text, id: randomUUID() });
    if (!sent.ok) return job.attempts + 1 < MOST_ATTEMPTS ? { kind: 'failed', words: sent.words } : { kind: 'done' };
    await this.links.noteMailed(job.key);
    return { kind: 'done' };
  }
}
