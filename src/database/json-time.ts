/** A time as PostgreSQL writes it into JSON: `2026-01-31T12:00:00.123456+00:00`, without a fraction where it is zero. */
export type JsonTime = string;

const SECONDS = '2026-01-31T12:00:00'.length;
const OFFSET = '+00:00';

/** ISO 8601 in UTC with milliseconds, as in answers. Cutting the text is many times cheaper than parsing it into a Date. */
export function isoTime(time: JsonTime): string {
  if (!time.endsWith(OFFSET)) return new Date(time).toISOString();
  return `${time.slice(0, SECONDS)}.${`${digitsOf(time)}000`.slice(0, 3)}Z`;
}

export const isoTimeOrNull = (time: JsonTime | null): string | null => (time === null ? null : isoTime(time));

/** Whole microseconds since 1970: the database's full precision. */
export const microsecondsOf = (time: JsonTime): string => `${String(Math.floor(Date.parse(time) / 1000))}${digitsOf(time).padEnd(6, '0')}`;

/** The digits of the fraction, up to six. */
const digitsOf = (time: JsonTime): string => time.slice(SECONDS + 1, -OFFSET.length);
