import { DomainError } from '../common/problem/domain-error';
import { readTime } from '../common/validation/time';
import { logTime } from '../runtime/log-time';
import { LogPosition } from './following/log-position';
import type { LogsQueryDto } from './replica-logs.dto';

export interface LogsQuery {
  /** As an engine writes times; null: from the beginning. */
  readonly since: string | null;
  readonly tailLines: number;
  readonly position: LogPosition | null;
}

/** What a caller asks of logs. A browser that reconnects sends `Last-Event-ID`. Throws `invalid_request` for one that is no position, and for what is no time. */
export function readLogsQuery({ since, tail }: LogsQueryDto, lastEventId: string | undefined): LogsQuery {
  const position = lastEventId === undefined ? null : LogPosition.read(lastEventId);
  if (lastEventId !== undefined && position === null)
    throw fault('Last-Event-ID', 'Last-Event-ID must be the id of an event of this stream');
  return { since: readSince(since), tailLines: tail, position };
}

/** To the nanosecond where the spelling is that of an engine. */
function readSince(since: string | undefined): string | null {
  const time = readTime(since, 'since', fault);
  return time === null ? null : (logTime(since ?? '') ?? logTime(time));
}

const fault = (pointer: string, detail: string): DomainError =>
  new DomainError('invalid_request', detail, { errors: [{ pointer, detail }] });
