const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** A time of an engine, in UTC and with nine digits after the second, so that times compare as texts; null for anything else. */
export function logTime(stamp: string): string | null {
  const [, second, digits = '', zone] = STAMP.exec(stamp) ?? [];
  if (second === undefined || zone === undefined) return null;
  const at = new Date(second + zone);
  return Number.isNaN(at.getTime()) ? null : `${at.toISOString().slice(0, 19)}.${digits.padEnd(9, '0')}Z`;
}
