import type { DomainError } from '../problem/domain-error';

/** The accepted spellings: a date, or a date and a time of day. JavaScript would guess what anything else means. */
const TIME = /^\d{4}(-\d\d){0,2}(T[\d:.]+([Zz]|[+-]\d\d:?\d\d)?)?$/;
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
  const time = new Date(LOCAL_TIME.test(text) ? `${text}Z` : text);
  const year = time.getUTCFullYear();
  if (TIME.test(text) && year >= 1970 && year <= 9999) return time.toISOString();
  const name = pointer.slice(pointer.lastIndexOf('/') + 1);
  throw fault(pointer, `Invalid ${name}. Must be an ISO 8601 time such as 2026-01-31T12:00:00Z`);
}
