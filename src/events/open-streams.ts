import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Readable } from 'node:stream';
import { abortWith } from '../common/abort-with';
import { RIGHTS_BEAT_MS } from '../common/rights-beat';
import type { DomainError } from '../common/problem/domain-error';
import { Metrics } from '../metrics/metrics';
import { FeedPlaces } from './feed-places';

/** Every so many checks a stream shows that it is alive. */
const CHECKS_A_BEAT = 6;
/** A client that reads nothing for this long is considered gone. */
const STALLED_MS = 60_000;

const STREAM_KINDS = ['events', 'logs', 'stats'] as const;
export type StreamKind = (typeof STREAM_KINDS)[number];

export interface Reader {
  readonly userId: string;
  /** Aborts when the client has gone. */
  readonly gone: AbortSignal;
  /** Why the credential no longer gives the right to what is shown; null: it does. */
  readonly refusal: () => Promise<DomainError | null>;
}

/** What one client is sent: text of server-sent events, made only as fast as the client reads. */
export interface StreamSource {
  /** When the client last read something, by `performance.now()`. */
  readonly takenAt: number;
  /** Has a comment sent soon, so that proxies keep the connection. */
  beat(): void;
  /** Ends when the signal that the source was made with aborts. */
  frames(): AsyncIterable<string>;
}

/** The streams of server-sent events that this process keeps open: each has a place, a reader with rights, and a heartbeat. */
@Injectable()
export class OpenStreams implements OnModuleDestroy {
  private readonly ending = new AbortController();
  private readonly open = new Map<StreamKind, number>(STREAM_KINDS.map((kind) => [kind, 0]));

  constructor(
    private readonly places: FeedPlaces,
    metrics: Metrics,
  ) {
    metrics.gauges({
      source: 'streams',
      gauges: [{ name: 'fog_streams_open', help: 'Streams of server-sent events that are open.', labels: ['kind'] }],
      read: () => ({ fog_streams_open: [...this.open].map(([kind, value]) => ({ labels: { kind }, value })) }),
    });
  }

  /** Ends all streams at once, because a process that stops waits for its connections. */
  onModuleDestroy(): void {
    this.ending.abort();
  }

  /**
   * Text for `text/event-stream`. It ends when the rights of the reader do, and when the client has read nothing for a minute. Throws
   * `rate_limited` when the user has too many open.
   */
  begin(kind: StreamKind, { userId, gone, refusal }: Reader, make: (signal: AbortSignal) => StreamSource): Readable {
    const end = abortWith(gone, this.ending.signal);
    const giveBack = this.takePlace(userId, end);
    this.count(kind, 1);
    const source = make(end.signal);
    const readable = Readable.from(source.frames());
    let checks = 0;
    const check = async (): Promise<void> => {
      if (performance.now() - source.takenAt > STALLED_MS) readable.destroy();
      checks += 1;
      if (await refusal()) end.abort();
      if (checks % CHECKS_A_BEAT === 0) source.beat();
    };
    const timer = setInterval(() => void check(), RIGHTS_BEAT_MS);
    const close = (): void => {
      clearInterval(timer);
      giveBack();
      this.count(kind, -1);
    };
    end.signal.addEventListener('abort', close, { once: true });
    readable.once('close', () => end.abort());
    if (end.signal.aborted) close();
    return readable;
  }

  private count(kind: StreamKind, by: number): void {
    this.open.set(kind, (this.open.get(kind) ?? 0) + by);
  }

  private takePlace(userId: string, end: AbortController): () => void {
    try {
      return this.places.take(userId, () => end.abort());
    } catch (error) {
      end.abort();
      throw error;
    }
  }
}
