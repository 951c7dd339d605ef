import { DomainError } from '../common/problem/domain-error';
import type { Actor } from '../common/request-context';
import { whoseToList } from '../common/visibility';
import type { EventsQueryDto, FeedQueryDto } from './dto/events.query';
import type { FeedFilter } from './event-feed.repository';
import { isEventType } from './event-types';

export interface FeedQuery {
  readonly filter: FeedFilter;
  /** Null: from the oldest event that is kept. */
  readonly after: number | 'latest' | null;
  readonly limit: number;
  readonly waitSeconds: number;
}

/** The query of a caller for the events of their deployments, or for those of all users. */
export function readEventsQuery(dto: EventsQueryDto, actor: Actor, lastEventId: string | undefined): FeedQuery {
  const userId = whoseToList({ all: dto.all_users }, actor, 'see the events');
  return readFeedQuery(dto, { userId, deploymentId: dto.deployment_id ?? null }, lastEventId);
}

/** The query for the events of `whose`. A browser that reconnects sends `Last-Event-ID`, which then counts instead of `after`. */
export function readFeedQuery(dto: FeedQueryDto, whose: Omit<FeedFilter, 'types'>, lastEventId: string | undefined): FeedQuery {
  const types = dto.types === undefined ? null : dto.types.split(',').map((type) => type.trim());
  const unknown = types?.find((type) => !isEventType(type));
  if (unknown !== undefined) throw fault('types', `Unknown event type: ${unknown.slice(0, 64)}`);
  return {
    filter: { ...whose, types },
    after: lastEventId === undefined ? after(dto.after) : position(lastEventId),
    limit: dto.limit,
    waitSeconds: dto.wait,
  };
}

const after = (text: string | undefined): FeedQuery['after'] => (text === undefined ? null : text === 'latest' ? 'latest' : Number(text));

function position(lastEventId: string): number {
  if (!/^\d{1,15}$/.test(lastEventId)) throw fault('Last-Event-ID', 'Last-Event-ID must be the id of an event of this feed');
  return Number(lastEventId);
}

const fault = (pointer: string, detail: string): DomainError =>
  new DomainError('invalid_request', detail, { errors: [{ pointer, detail }] });
