import type { Provider, Type } from '@nestjs/common';
import { AddressConfirmations } from './email/address-confirmations';
import { AddressConfirmationsRepository } from './email/address-confirmations.repository';
import { ConfirmEmailService } from './email/confirm-email.service';
import { EmailChannel } from './email/email.channel';
import { EmailsController } from './email/emails.controller';
import type { NotificationChannel } from './notification-channel';
import { RESOLVE_HOST, resolverOf } from '../common/outgoing/resolve-host';
import { RotateSecretService } from './webhook/rotate-secret.service';
import { WebhookChannel } from './webhook/webhook.channel';
import { WebhookSecrets } from './webhook/webhook-secrets';
import { WebhookSender } from './webhook/webhook-sender';
import { WebhookTargets } from './webhook/webhook-targets';
import { WebhooksController } from './webhook/webhooks.controller';

/** What a channel is made of. */
export interface ChannelParts {
  readonly channel: Type<NotificationChannel>;
  /** The providers of the channel and its routes, besides those that all channels share. */
  readonly providers: readonly Provider[];
  readonly controllers: readonly Type[];
}

/** All channels. A new one is a folder and an entry here. */
export const CHANNELS: readonly ChannelParts[] = [
  {
    channel: EmailChannel,
    providers: [AddressConfirmations, AddressConfirmationsRepository, ConfirmEmailService],
    controllers: [EmailsController],
  },
  {
    channel: WebhookChannel,
    providers: [RotateSecretService, WebhookSecrets, WebhookSender, WebhookTargets, { provide: RESOLVE_HOST, useValue: resolverOf() }],
    controllers: [WebhooksController],
  },
];
