import { Injectable } from '@nestjs/common';
import type { Details } from '../../audit/bounded-details';
import type { CloudEvent } from '../../events/cloud-event';
import { NotificationChannel, type ChannelTarget, type IssuedSecret } from '../notification-channel';
import type { Sent } from '../../common/sent';
import { AddressConfirmations } from './address-confirmations';
import { MailSender } from '../../mail/mail-sender';
import { mailText } from './mail-text';

/** Sends events by e-mail, only to the address of the account, and only once its reader has confirmed it. */
@Injectable()
export class EmailChannel extends NotificationChannel<null> {
  readonly kind = 'email';
  readonly noun = 'E-mail subscription';
  readonly mostPerUser = 5;
  readonly mostAnHour = 60;
  readonly tellsOfDisabled = true;

  constructor(
    readonly confirmation: AddressConfirmations,
    private readonly mails: MailSender,
  ) {
    super();
  }

  /** Throws `email_not_configured`. */
  requireAvailable(): void {
    this.mails.requireConfigured();
  }

  /** There is nothing to check: the address is that of the account. */
  checkTarget(): Promise<void> {
    return Promise.resolve();
  }

  issueSecret(): IssuedSecret<null> {
    return { shown: null, sealed: null };
  }

  visibleTarget(): Details {
    return {};
  }

  send({ id, email }: ChannelTarget, event: CloudEvent): Promise<Sent> {
    return this.mails.send(email, { ...mailText(event), id: `${event.id}.${id}` });
  }
}
