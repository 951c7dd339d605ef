import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { PubSub } from '../database/pub-sub';
import type { PublishedEvent } from './cloud-event';
import { EventFeedRepository } from './event-feed.repository';
import { FEED_TOPIC } from './event-publisher';

type Listener = (events: readonly PublishedEvent[]) => void;

const LOOK_ANYWAY_MS = 1_000;
const BATCH = 500;
const EVERYTHING = { userId: null, types: null, deploymentId: null };

/** Reads the feed once for all streams of this process, however many there are. It reads nothing while no stream listens. */
@Injectable()
export class FeedHub implements OnModuleDestroy {
  private readonly logger = new Logger(FeedHub.name);
  private readonly listeners = new Set<Listener>();
  private start: Promise<void> | undefined;
  private position = 0;
  private reading: Promise<void> | undefined;
  private again = false;
  private stopListening: () => void = () => undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly feed: EventFeedRepository,
    private readonly pubSub: PubSub,
  ) {}

  onModuleDestroy(): void {
    this.rest();
    this.listeners.clear();
  }

  /** Once this has resolved, `listener` gets every new event of the feed, in order. Returns the function that ends that. */
  async join(listener: Listener): Promise<() => void> {
    this.listeners.add(listener);
    const leave = (): void => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.rest();
    };
    try {
      await (this.start ??= this.begin());
    } catch (error) {
      this.start = undefined;
      leave();
      throw error;
    }
    return leave;
  }

  private async begin(): Promise<void> {
    this.position = (await this.feed.read(EVERYTHING, Number.MAX_SAFE_INTEGER, 1)).lastPosition;
    // Meanwhile all listeners may have left and a new one may have come, which has then started to listen itself.
    this.stopListening();
    clearInterval(this.timer);
    this.stopListening = this.pubSub.subscribe(FEED_TOPIC, () => this.look());
    this.timer = setInterval(() => this.look(), LOOK_ANYWAY_MS);
    if (this.listeners.size === 0) this.rest();
  }

  private rest(): void {
    this.stopListening();
    clearInterval(this.timer);
    this.start = undefined;
  }

  private look(): void {
    this.again = true;
    this.reading ??= this.readOn()
      .catch((error: unknown) => this.logger.warn(`The feed of events could not be read, trying again: ${String(error)}`))
      .finally(() => {
        this.reading = undefined;
        if (this.again && this.listeners.size > 0) this.look();
      });
  }

  private async readOn(): Promise<void> {
    while (this.again && this.listeners.size > 0) {
      this.again = false;
      const page = await this.feed.read(EVERYTHING, this.position, BATCH);
      this.position = page.position;
      if (page.hasMore) this.again = true;
      if (page.events.length > 0) for (const listener of this.listeners) listener(page.events);
    }
  }
}
