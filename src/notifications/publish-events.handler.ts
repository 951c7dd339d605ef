import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Counter } from 'prom-client';
import { DataSource } from 'typeorm';
import { Hints } from '../database/hints';
import { inTransaction } from '../database/transaction';
import { EventPublisher } from '../events/event-publisher';
import { OUTBOX_TOPIC } from '../events/events';
import type { ClaimedJob, JobHandler, JobResult } from '../jobs/job-kinds';
import { JobQueue } from '../jobs/job-queue';
import { PubSub } from '../database/pub-sub';
import { Metrics } from '../metrics/metrics';
import { DeliveriesRepository } from './deliveries.repository';

const BATCH = 500;
/** How often to look without a hint, because a hint may get lost. */
const LOOK_ANYWAY_MS = 500;
/** Whoever has caused an event goes on first: its answer, or an engine that is to be asked. */
const AFTER_HINT_MS = 10;
/**
 * How long to collect events after the first. Otherwise, under load, every transaction of a writer would cost one of
 * the publisher.
 */
const GATHER_MS = 50;
/** After this time the job is given back, so that its row shows that it is alive. */
const TURN_MS = 60_000;

/**
 * Publishes events while it has its one job. The process with that job is the publisher; another one takes over when
 * its lease ends. Positions, deliveries and their jobs are written in one transaction, so every event in the feed is
 * being delivered.
 */
@Injectable()
export class PublishEventsHandler implements JobHandler {
  readonly kind = 'events.publish';
  readonly concurrency = 1;
  readonly longestDelayMs = 120_000;
  private readonly published: Counter;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly publisher: EventPublisher,
    private readonly deliveries: DeliveriesRepository,
    private readonly queue: JobQueue,
    private readonly pubSub: PubSub,
    metrics: Metrics,
  ) {
    this.published = metrics.counter({ name: 'fog_events_published_total', help: 'Events that got their place in the feed.' });
  }

  async handle(job: ClaimedJob, signal: AbortSignal): Promise<JobResult> {
    const end = performance.now() + TURN_MS;
    const hints = new Hints(this.pubSub, OUTBOX_TOPIC);
    try {
      while (!signal.aborted && performance.now() < end) {
        hints.clear();
        if (!(await this.publisher.hasWork())) {
          await hints.wait(LOOK_ANYWAY_MS, signal);
          await pause(AFTER_HINT_MS, signal);
        } else if ((await this.publish(job)) < BATCH) await pause(GATHER_MS, signal);
      }
    } finally {
      hints.end();
    }
    return { kind: 'again', afterMs: 0 };
  }

  /** Returns how many events got positions. */
  private async publish(job: ClaimedJob): Promise<number> {
    const range = await inTransaction(this.dataSource, async (tx) => {
      const published = await this.publisher.publish(tx, job, BATCH);
      if (!published) return null;
      const subscriptions = await this.deliveries.createFor(tx, published);
      await this.queue.enqueue(
        tx,
        subscriptions.map((key) => ({ kind: 'notification.deliver', key })),
      );
      return published;
    });
    if (!range) throw new Error('The job of publishing was taken over');
    const count = range.last - range.first + 1;
    this.published.inc(count);
    return count;
  }
}

/** Waits, but ends at once when the signal fires. */
const pause = (ms: number, signal: AbortSignal): Promise<void> => sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
