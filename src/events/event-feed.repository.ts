import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { PublishedEvent } from './cloud-event';

export interface FeedFilter {
  /** Null: of all users. */
  readonly userId: string | null;
  /** Null: of all types. */
  readonly types: readonly string[] | null;
  readonly deploymentId: string | null;
}

export interface FeedPage {
  readonly events: readonly PublishedEvent[];
  /** The position up to which events were looked at. */
  readonly position: number;
  readonly hasMore: boolean;
  /** The position of the last event that was removed. */
  readonly purgedThrough: number;
  readonly lastPosition: number;
}

interface PageRow {
  readonly lastPosition: number;
  readonly purgedThrough: number;
  readonly looked: number;
  readonly lookedTo: number | null;
  readonly events: readonly (Omit<PublishedEvent, 'occurredAt'> & { occurredAt: string })[];
}

/** The most events that one page looks at, for filters that few events pass. The next page goes on from there. */
const MAX_LOOKED_AT = 10_000;

/** Reads the feed. */
@Injectable()
export class EventFeedRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** The events after a position, and how far the feed reaches. One statement, so that both are of one moment. */
  async read(filter: FeedFilter, after: number, limit: number): Promise<FeedPage> {
    const isFiltered = filter.types !== null || filter.deploymentId !== null;
    const look = isFiltered ? MAX_LOOKED_AT : limit + 1;
    const [row] = await this.dataSource.query<PageRow[]>(filter.userId === null ? PAGE_OF_ALL : PAGE_OF_ONE, [
      ...[after, look, limit + 1, filter.types, filter.userId, filter.deploymentId],
    ]);
    if (!row) throw new Error('The row of event_feed is missing');
    const events = row.events.slice(0, limit).map((event) => ({ ...event, occurredAt: new Date(event.occurredAt) }));
    const { lastPosition, purgedThrough, looked, lookedTo } = row;
    if (row.events.length > limit)
      return { events, position: events.at(-1)?.position ?? after, hasMore: true, purgedThrough, lastPosition };
    if (isFiltered && looked === look) return { events, position: lookedTo ?? after, hasMore: true, purgedThrough, lastPosition };
    return { events, position: Math.max(after, lastPosition), hasMore: false, purgedThrough, lastPosition };
  }
}

/**
 * Two statements, because one for both cases could not use the index of a user's events.
 * $1 the position after which to read, $2 how many events to look at, $3 how many to return, $4 types or null,
 * $5 user or null, $6 deployment or null
 */
const pageWhere = (owner: string): string => `
  WITH looked AS MATERIALIZED (
    SELECT position::float8 AS position, event_id AS "eventId", type, user_id AS "userId", deployment_id AS "deploymentId",
           labels, data, occurred_at AS "occurredAt"
      FROM events WHERE events.position > $1::bigint AND ${owner} ORDER BY events.position LIMIT $2),
  page AS (
    SELECT * FROM looked
     WHERE ($4::text[] IS NULL OR type = ANY($4)) AND ($6::uuid IS NULL OR "deploymentId" = $6)
     ORDER BY position LIMIT $3)
  SELECT last_position::float8 AS "lastPosition", purged_through::float8 AS "purgedThrough",
         (SELECT count(*)::int FROM looked) AS looked, (SELECT max(position) FROM looked) AS "lookedTo",
         coalesce((SELECT json_agg(to_json(page) ORDER BY position) FROM page), '[]') AS events
    FROM event_feed`;

const PAGE_OF_ONE = pageWhere('user_id = $5');
const PAGE_OF_ALL = pageWhere('$5::uuid IS NULL');
