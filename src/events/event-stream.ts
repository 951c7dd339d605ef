import type { PublishedEvent } from './cloud-event';
import { toCloudEvent } from './cloud-event';
import type { EventFeedRepository, FeedFilter } from './event-feed.repository';
import type { FeedHub } from './feed-hub';
import type { StreamSource } from './open-streams';

const BACKLOG_PAGE = 100;
const MAX_WAITING = 1_000;
/** Tells clients to wait two seconds before they connect again. */
const PREAMBLE = 'retry: 2000\n\n';

export const passes = ({ userId, types, deploymentId }: FeedFilter, event: PublishedEvent): boolean =>
  (userId === null || event.userId === userId) &&
  (types === null || types.includes(event.type)) &&
  (deploymentId === null || event.deploymentId === deploymentId);

const frame = (event: PublishedEvent): string =>
  `id: ${String(event.position)}\nevent: ${event.type}\ndata: ${JSON.stringify(toCloudEvent(event))}\n\n`;

/**
 * The server-sent events of one client. Frames are made only as fast as the client reads. New events wait in a bounded
 * queue. A client that is too slow for the queue gets its events from the database instead, so that none is lost and
 * memory stays small.
 */
export class EventStream implements StreamSource {
  private queue: PublishedEvent[] = [];
  private isBehind = true;
  private beatIsDue = false;
  private wake: () => void = () => undefined;
  /** When the client last read something, by `performance.now()`. */
  takenAt = performance.now();

  constructor(
    private readonly feed: EventFeedRepository,
    private readonly hub: FeedHub,
    private readonly filter: FeedFilter,
    private position: number,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Has a comment with the position sent soon, so that proxies keep the connection and a client that reconnects
   * continues from there.
   */
  beat(): void {
    this.beatIsDue = true;
    this.wake();
  }

  /** Ends when the signal aborts. */
  async *frames(): AsyncGenerator<string, void> {
    const wakeUp = (): void => this.wake();
    this.signal.addEventListener('abort', wakeUp);
    const leave = await this.hub.join((events) => this.receive(events));
    try {
      yield PREAMBLE;
      while (!this.signal.aborted) {
        for (const text of this.isBehind ? await this.backlog() : this.fresh()) {
          this.takenAt = performance.now();
          yield text;
        }
        if (!this.isBehind && this.queue.length === 0) await this.idle();
        this.takenAt = performance.now();
        if (this.beatIsDue) {
          this.beatIsDue = false;
          yield `: still here\nid: ${String(this.position)}\n\n`;
        }
      }
    } finally {
      leave();
      this.signal.removeEventListener('abort', wakeUp);
    }
  }

  private receive(events: readonly PublishedEvent[]): void {
    if (this.isBehind) return;
    if (this.queue.length + events.length > MAX_WAITING) {
      this.queue = [];
      this.isBehind = true;
    } else {
      this.queue.push(...events);
    }
    this.wake();
  }

  /**
   * Marks the stream as up to date before it reads: events that arrive from then on are queued, and those that were
   * read as well are dropped.
   */
  private async backlog(): Promise<string[]> {
    this.isBehind = false;
    const page = await this.feed.read(this.filter, this.position, BACKLOG_PAGE);
    if (page.hasMore) {
      this.isBehind = true;
      this.queue = [];
    }
    this.position = page.position;
    return page.events.map(frame);
  }

  private fresh(): string[] {
    const events = this.queue.filter((event) => event.position > this.position);
    this.queue = [];
    this.position = events.at(-1)?.position ?? this.position;
    return events.filter((event) => passes(this.filter, event)).map(frame);
  }

  private idle(): Promise<void> {
    if (this.beatIsDue || this.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => (this.wake = resolve));
  }
}
