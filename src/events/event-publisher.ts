import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { inBatches } from '../common/in-batches';
import { afterCommit, type Tx } from '../database/transaction';
import { PubSub } from '../database/pub-sub';

/** The topic that tells, by the last position, that the feed has grown. */
export const FEED_TOPIC = 'fog_feed';

/** A range of positions that were given, without gaps. */
export interface PublishedRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Gives committed events their positions. Transactions commit in any order, so if a position were given when an event
 * is written, a reader could pass an event that commits late. Here one publisher at a time numbers what is committed,
 * and its positions appear in order. A reader of a position has been shown all below it.
 */
@Injectable()
export class EventPublisher {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly pubSub: PubSub,
  ) {}

  /** Whether events wait for positions. Cheap. */
  async hasWork(): Promise<boolean> {
    const rows = await this.dataSource.query<unknown[]>(`SELECT 1 FROM events WHERE position IS NULL LIMIT 1`);
    return rows.length > 0;
  }

  /**
   * Gives positions to up to `limit` events; null when there are none or the job was taken over. Locking and numbering
   * are two statements, because the second must see what the previous holder of the lock has committed.
   */
  async publish(tx: Tx, job: { id: string; claim: string }, limit: number): Promise<PublishedRange | null> {
    const [feed] = await tx.query<{ lastPosition: number }[]>(
      `SELECT last_position::float8 AS "lastPosition" FROM event_feed
        WHERE EXISTS (SELECT 1 FROM jobs WHERE id = $1 AND claim = $2) FOR UPDATE`,
      [job.id, job.claim],
    );
    if (!feed) return null;
    const [row] = await tx.query<{ count: number }[]>(NUMBER, [limit, feed.lastPosition]);
    const count = row?.count ?? 0;
    if (count === 0) return null;
    const last = feed.lastPosition + count;
    afterCommit(tx, () => this.pubSub.publish(FEED_TOPIC, String(last)));
    return { first: feed.lastPosition + 1, last };
  }

  /** Removes events that are older than `days`, oldest first, in batches, with their deliveries. Returns how many. */
  purge(days: number): Promise<number> {
    return inBatches(async (limit) => {
      const [row] = await this.dataSource.query<{ count: number }[]>(PURGE, [limit, days]);
      return row?.count ?? 0;
    });
  }
}

/** $1 how many events at most, $2 the last position that was given. */
const NUMBER = `
  WITH next AS (
    SELECT id, row_number() OVER (ORDER BY id) AS place
      FROM (SELECT id FROM events WHERE position IS NULL ORDER BY id LIMIT $1) AS unpublished),
  numbered AS (
    UPDATE events AS e SET position = $2::bigint + next.place, published_at = clock_timestamp()
      FROM next WHERE e.id = next.id
    RETURNING 1),
  moved AS (
    UPDATE event_feed SET last_position = $2::bigint + (SELECT count(*) FROM numbered))
  SELECT count(*)::int AS count FROM numbered`;

/**
 * Removes from the old end only, so that everything up to one position is gone and everything after it is there.
 * $1 how many events to look at, $2 days that events are kept
 */
const PURGE = `
  WITH oldest AS (
    SELECT id, position, published_at FROM events WHERE position IS NOT NULL ORDER BY position LIMIT $1),
  gone AS (
    DELETE FROM events WHERE id IN (SELECT id FROM oldest WHERE published_at < now() - make_interval(days => $2))
    RETURNING position),
  noted AS (
    UPDATE event_feed SET purged_through = greatest(purged_through, (SELECT max(position) FROM gone))
     WHERE EXISTS (SELECT 1 FROM gone))
  SELECT count(*)::int AS count FROM gone`;
