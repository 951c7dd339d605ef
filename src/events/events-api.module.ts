import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module';
import { EventFeedRepository } from './event-feed.repository';
import { EventFeedService } from './event-feed.service';
import { EventsController } from './events.controller';
import { FeedHub } from './feed-hub';
import { FeedPlaces } from './feed-places';

/** The routes of the feed; left out of processes that only work in the background. */
@Module({
  imports: [AuthModule],
  controllers: [EventsController],
  providers: [EventFeedRepository, EventFeedService, FeedHub, FeedPlaces],
})
export class EventsApiModule {}
