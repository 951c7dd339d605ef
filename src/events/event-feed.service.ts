import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Readable } from 'node:stream';
import { abortWith } from '../common/abort-with';
import { DomainError } from '../common/problem/domain-error';
import type { FeedPage } from './event-feed.repository';
import { EventFeedRepository } from './event-feed.repository';
import { EventStream, passes } from './event-stream';
import type { FeedQuery } from './events-query';
import { FeedHub } from './feed-hub';
import { FeedPlaces } from './feed-places';
import { endOnRefusal } from '../common/rights-beat';
import { OpenStreams, type Reader } from './open-streams';

/** The feed as pages, as pages that wait for new events, and as streams. */
@Injectable()
export class EventFeedService implements OnModuleDestroy {
  private readonly ending = new AbortController();

  constructor(
    private readonly feed: EventFeedRepository,
    private readonly hub: FeedHub,
    private readonly places: FeedPlaces,
    private readonly streams: OpenStreams,
  ) {}

  /** Answers waiting requests at once, because a process that stops waits for its connections. */
  onModuleDestroy(): void {
    this.ending.abort();
  }

  /**
   * Throws `events_gone` when events after `after` have been removed. When there are no events, waits for some as long
   * as the query says, and throws the refusal when the right to them ends meanwhile.
   */
  async page(query: FeedQuery, { userId, gone, refusal }: Reader): Promise<FeedPage> {
    const first = await this.read(query, query.after);
    if (first.events.length > 0 || first.hasMore || query.waitSeconds === 0) return first;
    const end = abortWith(gone, this.ending.signal);
    const giveBack = this.takePlace(userId, end);
    const stopAsking = endOnRefusal(end, refusal);
    try {
      const page = await this.waitFor(query, first.position, end.signal);
      if (end.signal.reason instanceof DomainError) throw end.signal.reason;
      return page;
    } finally {
      stopAsking();
      end.abort();
      giveBack();
    }
  }

  /** Text for `text/event-stream`. It ends when the credential does. Throws as `page` does. */
  async stream(query: FeedQuery, reader: Reader): Promise<Readable> {
    const { position } = await this.read({ ...query, limit: 1 }, query.after);
    const start = query.after === 'latest' ? position : (query.after ?? 0);
    return this.streams.begin('events', reader, (signal) => new EventStream(this.feed, this.hub, query.filter, start, signal));
  }

  private takePlace(userId: string, end: AbortController): () => void {
    try {
      return this.places.take(userId, () => end.abort());
    } catch (error) {
      end.abort();
      throw error;
    }
  }

  private async waitFor(query: FeedQuery, after: number, signal: AbortSignal): Promise<FeedPage> {
    let wake = (): void => undefined;
    const woken = new Promise<void>((resolve) => (wake = resolve));
    const leave = await this.hub.join((events) => {
      if (events.some((event) => event.position > after && passes(query.filter, event))) wake();
    });
    const timer = setTimeout(wake, query.waitSeconds * 1000);
    signal.addEventListener('abort', wake, { once: true });
    try {
      // Events may have come between the first read and the joining.
      const page = await this.feed.read(query.filter, after, query.limit);
      if (page.events.length > 0 || signal.aborted) return page;
      await woken;
      return await this.feed.read(query.filter, after, query.limit);
    } finally {
      leave();
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
    }
  }

  private async read({ filter, limit }: FeedQuery, after: FeedQuery['after']): Promise<FeedPage> {
    if (after === 'latest') {
      const page = await this.feed.read(filter, Number.MAX_SAFE_INTEGER, 1);
      return { ...page, position: page.lastPosition };
    }
    const page = await this.feed.read(filter, after ?? 0, limit);
    const { purgedThrough, lastPosition } = page;
    if (after !== null && (after < purgedThrough || after > lastPosition)) {
      const words =
        after < purgedThrough ? `The events behind position ${String(after)} are no longer kept` : 'The feed does not reach this position';
      throw new DomainError('events_gone', words, { members: { oldest_position: purgedThrough + 1, latest_position: lastPosition } });
    }
    return page;
  }
}
