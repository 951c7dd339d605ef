import { Module } from '@nestjs/common';
import { MailModule } from '../mail/mail.module';
import { CHANNELS } from './channel-list';
import { Channels } from './channels';
import { DeliverHandler } from './deliver.handler';
import { DeliveriesRepository } from './deliveries.repository';
import { DeliveryLogRepository } from './delivery-log.repository';
import { DeliveryLogService } from './delivery-log.service';
import type { NotificationChannel } from './notification-channel';
import { NotificationUpkeep } from './notification-upkeep';
import { PublishEventsHandler } from './publish-events.handler';
import { SubscriptionsRepository } from './subscriptions.repository';
import { SubscriptionsService } from './subscriptions.service';

const ofChannels = CHANNELS.flatMap(({ channel, providers }) => [channel, ...providers]);

/** Subscriptions and deliveries. The routes are in NotificationsApiModule; WorkerModule starts the handlers. */
@Module({
  imports: [MailModule],
  providers: [
    ...ofChannels,
    {
      provide: Channels,
      inject: CHANNELS.map(({ channel }) => channel),
      useFactory: (...channels: NotificationChannel[]) => new Channels(channels),
    },
    DeliverHandler,
    DeliveriesRepository,
    DeliveryLogRepository,
    DeliveryLogService,
    NotificationUpkeep,
    PublishEventsHandler,
    SubscriptionsRepository,
    SubscriptionsService,
  ],
  exports: [...ofChannels, Channels, DeliverHandler, DeliveryLogService, NotificationUpkeep, PublishEventsHandler, SubscriptionsService],
})
export class NotificationsModule {}
