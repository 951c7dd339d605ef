import { Module } from '@nestjs/common';
import { AddressConfirmations } from './address-confirmations';
import { AddressConfirmationsRepository } from './address-confirmations.repository';
import { DeliverHandler } from './deliver.handler';
import { DeliveriesRepository } from './deliveries.repository';
import { DeliveryLogRepository } from './delivery-log.repository';
import { DeliveryLogService } from './delivery-log.service';
import { MailSender } from './mail-sender';
import { NotificationUpkeep } from './notification-upkeep';
import { PublishEventsHandler } from './publish-events.handler';
import { RESOLVE_HOST, resolverOf } from './resolve-host';
import { SubscriptionsRepository } from './subscriptions.repository';
import { SubscriptionsService } from './subscriptions.service';
import { WebhookSender } from './webhook-sender';
import { WebhookTargets } from './webhook-targets';

/** Who wants to be told of what, and the telling. The routes are in NotificationsApiModule, the workers in WorkerModule. */
@Module({
  providers: [
    { provide: RESOLVE_HOST, useValue: resolverOf() },
    AddressConfirmations,
    AddressConfirmationsRepository,
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
  exports: [AddressConfirmations, DeliverHandler, DeliveryLogService, NotificationUpkeep, PublishEventsHandler, SubscriptionsService],
})
export class NotificationsModule {}
