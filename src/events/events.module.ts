import { Global, Module } from '@nestjs/common';
import { EventPublisher } from './event-publisher';
import { Events } from './events';

/** The outbox, for every room that changes something. The routes of the feed are in EventsApiModule. */
@Global()
@Module({ providers: [EventPublisher, Events], exports: [EventPublisher, Events] })
export class EventsModule {}
