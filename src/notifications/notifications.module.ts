import { Module } from '@nestjs/common';
import { encryptionKey } from '../common/crypto/encryption-key';
import { SecretBox } from '../common/crypto/secret-box';
import { AppConfig } from '../config/app-config';
import { DeliverHandler } from './deliver.handler';
import { DeliveriesRepository } from './deliveries.repository';
import { DeliveryLogRepository } from './delivery-log.repository';
import { DeliveryLogService } from './delivery-log.service';
import { MailSender } from './mail-sender';
import { NotificationUpkeep } from './notification-upkeep';
import { PublishEventsHandler } from './publish-events.handler';
import { SubscriptionsRepository } from './subscriptions.repository';
import { SubscriptionsService } from './subscriptions.service';
import { WebhookSender } from './webhook-sender';
import { RESOLVE_HOST, resolveHost, WebhookTargets } from './webhook-targets';

/** Who wants to be told of what, and the telling. The routes are in NotificationsApiModule, the workers in ReconcilerModule. */
@Module({
  providers: [
    { provide: SecretBox, inject: [AppConfig], useFactory: (config: AppConfig) => new SecretBox(encryptionKey(config)) },
    { provide: RESOLVE_HOST, useValue: resolveHost },
    DeliverHandler,
    DeliveriesRepository,
    DeliveryLogRepository,
    DeliveryLogService,
    MailSender,
    NotificationUpkeep,
    PublishEventsHandler,
    SubscriptionsRepository,
    SubscriptionsService,
    WebhookSender,
    WebhookTargets,
  ],
  exports: [DeliverHandler, DeliveryLogService, NotificationUpkeep, PublishEventsHandler, SubscriptionsService],
})
export class NotificationsModule {}
