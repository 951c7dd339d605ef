import { Injectable } from '@nestjs/common';
import { createTransport, type Transporter } from 'nodemailer';
import { DomainError } from '../common/problem/domain-error';
import { resultWithin } from '../common/within';
import { AppConfig } from '../config/app-config';
import type { Sent } from '../common/sent';
import { mailFailure } from './mail-failure';

const CONNECT_WITHIN_MS = 5_000;
const SILENT_WITHIN_MS = 5_000;
const WITHIN_MS = 10_000;
const TOO_LATE = { ok: false, status: null, words: 'The mail server took too long' } as const;

export interface Mail {
  readonly subject: string;
  readonly text: string;
  /** Becomes the Message-ID, by which receivers recognise repetitions. */
  readonly id: string;
}

/**
 * Sends e-mails through the operator's server, over one connection each. It also exists, and refuses, when no server is
 * configured.
 */
@Injectable()
export class MailSender {
  private readonly transport: Transporter | null;
  private readonly from: string | undefined;

  constructor({ SMTP_URL, SMTP_FROM }: AppConfig) {
    this.from = SMTP_FROM;
    this.transport = SMTP_URL === undefined ? null : createTransport({ url: SMTP_URL, ...LIMITS });
  }

  /** Throws `email_not_configured`. */
  requireConfigured(): void {
    if (this.transport === null) throw new DomainError('email_not_configured', 'E-mail is not configured on this server');
  }

  /** Never throws. */
  async send(to: string, mail: Mail): Promise<Sent> {
    if (!this.transport) return { ok: false, status: null, words: 'E-mail is not configured here' };
    return resultWithin(WITHIN_MS, this.hand(this.transport, to, mail), TOO_LATE);
  }

  private async hand(transport: Transporter, to: string, { subject, text, id }: Mail): Promise<Sent> {
    try {
      const messageId = `<${id}@fog-compute.invalid>`;
      const { response } = (await transport.sendMail({ from: this.from, to, subject, text, messageId, ...NO_FILES })) as {
        response?: unknown;
      };
      return { ok: true, status: typeof response === 'string' ? Number.parseInt(response, 10) || null : null };
    } catch (error) {
      return mailFailure(error);
    }
  }
}

const LIMITS = {
  connectionTimeout: CONNECT_WITHIN_MS,
  greetingTimeout: SILENT_WITHIN_MS,
  socketTimeout: SILENT_WITHIN_MS,
  pool: false,
} as const;
/** Forbids the library to read files or URLs because of something in the text. */
const NO_FILES = { disableFileAccess: true, disableUrlAccess: true, headers: { 'Auto-Submitted': 'auto-generated' } };
