import type { DomainError } from '../problem/domain-error';

/** A date, or a date and a time of day, as JavaScript itself reads it; of anything else it makes what it likes. */
const TIME = /^\d{4}(-\d\d){0,2}(T[\d:.]+([Zz]|[+-]\d\d:?\d\d)?)?$/;
/** A time of day without an offset: JavaScript takes it for the zone of the machine, but it means UTC, as a date alone does. */
const LOCAL_TIME = /T[\d:.]+$/;

/**
 * A time that a client has given, from 1970 to 9999, in UTC with milliseconds; null where he gave none. Throws what `fault`
 * makes of the place, the last step of which names the member, and of the one sentence that the contract has for it.
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
