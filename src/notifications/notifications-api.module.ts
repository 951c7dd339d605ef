import { Module } from '@nestjs/common';
import { CHANNELS } from './channel-list';
import { DeliveriesController } from './deliveries.controller';
import { NotificationsModule } from './notifications.module';

/** The routes of notifications; left out of processes that only work in the background. */
@Module({
  imports: [NotificationsModule],
  controllers: [DeliveriesController, ...CHANNELS.flatMap(({ controllers }) => controllers)],
})
export class NotificationsApiModule {}
