import { Global, Module } from '@nestjs/common';
import { MembershipNews } from '../rights/membership-news';
import { EventPublisher } from './event-publisher';
import { Events } from './events';
import { MembershipEvents } from './membership-events';

/** The outbox, for every room that changes something. The routes of the feed are in EventsApiModule. */
@Global()
@Module({
  providers: [EventPublisher, Events, { provide: MembershipNews, useClass: MembershipEvents }],
  exports: [EventPublisher, Events, MembershipNews],
})
export class EventsModule {}
