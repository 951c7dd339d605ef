import { Module } from '@nestjs/common';
import { DeliveriesController } from './deliveries.controller';
import { EmailsController } from './emails.controller';
import { NotificationsModule } from './notifications.module';
import { WebhooksController } from './webhooks.controller';

/** The routes of notifications; left out of processes that only work in the background. */
@Module({ imports: [NotificationsModule], controllers: [DeliveriesController, EmailsController, WebhooksController] })
export class NotificationsApiModule {}
