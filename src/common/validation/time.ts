import type { DomainError } from '../problem/domain-error';

/** The accepted spellings: a date, or a date and a time of day. JavaScript would guess what anything else means. */
const TIME = /^\d{4}(-\d\d){0,2}(T[\d:.]+(Z|[+-]\d\d(:?\d\d)?)?)?$/;
/** In a query a `+` that nobody has encoded arrives as a space, and so does the one before an offset. */
const LOST_PLUS = /^(\d{4}-\d\d-\d\d[Tt][\d:.]+) (\d\d(?::?\d\d)?)$/;
const SHORT_OFFSET = /([+-]\d\d)$/;
/**
 * A time of day without an offset. JavaScript would read it in the time zone of the machine, but here it means UTC, as
 * a date alone does.
 */
const LOCAL_TIME = /T[\d:.]+$/;

/**
 * A time from 1970 to 9999 that a client has given, in UTC with milliseconds; null when none was given. For anything
 * else throws what `fault` makes of the place and the sentence of the refusal. The last step of the place is the name
 * of the member.
 */
export function readTime(
  text: string | undefined,
  pointer: string,
  fault: (pointer: string, detail: string) => DomainError,
): string | null {
  if (text === undefined) return null;
  const usual = usualSpelling(text);
  const time = new Date(LOCAL_TIME.test(usual) ? `${usual}Z` : usual);
  const year = time.getUTCFullYear();
  if (TIME.test(usual) && year >= 1970 && year <= 9999 && isInCalendar(usual.slice(0, 10))) return time.toISOString();
  const name = pointer.slice(pointer.lastIndexOf('/') + 1);
  throw fault(pointer, `Invalid ${name}. Must be an ISO 8601 time such as 2026-01-31T12:00:00Z`);
}

/** JavaScript takes the 30th of February for the 2nd of March. */
const isInCalendar = (day: string): boolean => new Date(day).toISOString().startsWith(day);

/** RFC 3339 allows small letters; PostgreSQL writes offsets without minutes. */
function usualSpelling(text: string): string {
  const spelled = text.replace(LOST_PLUS, '$1+$2').toUpperCase();
  return spelled.includes('T') ? spelled.replace(SHORT_OFFSET, '$1:00') : spelled;
}
