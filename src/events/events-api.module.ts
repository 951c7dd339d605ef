import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module';
import { EventFeedRepository } from './event-feed.repository';
import { EventFeedService } from './event-feed.service';
import { EventsController } from './events.controller';
import { FeedAnswers } from './feed-answers';
import { FeedHub } from './feed-hub';
import { FeedPlaces } from './feed-places';
import { OpenStreams } from './open-streams';
import { StreamRights } from './stream-rights';

/** The routes of the feed; left out of processes that only work in the background. */
@Module({
  imports: [AuthModule],
  controllers: [EventsController],
  providers: [EventFeedRepository, EventFeedService, FeedAnswers, FeedHub, FeedPlaces, OpenStreams, StreamRights],
  exports: [FeedAnswers, FeedPlaces, OpenStreams, StreamRights],
})
export class EventsApiModule {}
