import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { EventPublisher } from '../events/event-publisher';
import { JobQueue } from '../jobs/job-queue';
import { Channels } from './channels';
import { DeliveriesRepository } from './deliveries.repository';

/** Regular upkeep: new jobs for lost ones; and removal of old events and of questions for confirmation. */
@Injectable()
export class NotificationUpkeep {
  constructor(
    private readonly config: AppConfig,
    private readonly publisher: EventPublisher,
    private readonly deliveries: DeliveriesRepository,
    private readonly channels: Channels,
    private readonly queue: JobQueue,
  ) {}

  /** Safe to repeat. */
  async run(): Promise<void> {
    await this.queue.enqueueNow([{ kind: 'events.publish', key: 'all' }]);
    await this.deliveries.enqueueForgotten();
  }

  /** For when the clock was set back: every delivery that waits for its next attempt is due now. */
  bringForward(): Promise<void> {
    return this.deliveries.bringForward();
  }

  /** Safe to repeat. Not to be called while a step of the clock is not confirmed. */
  async removeOld(): Promise<void> {
    for (const { confirmation } of this.channels.all) await confirmation?.purge();
    await this.publisher.purge(this.config.EVENTS_RETENTION_DAYS);
  }
}
