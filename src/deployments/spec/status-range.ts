/** A range of HTTP status codes, bounds included. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

/** `204`, or `200-399` with the smaller number first. */
export const STATUS_RANGE = /^[1-5][0-9]{2}(?:-[1-5][0-9]{2})?$/;

/** Reads what matches `STATUS_RANGE`. */
export function readStatusRange(text: string): StatusRange {
  const [from = NaN, to = from] = text.split('-').map(Number);
  return { from, to };
}

/** The shortest spelling that is read as the same. */
export const showStatusRange = ({ from, to }: StatusRange): string => (from === to ? String(from) : `${from}-${to}`);

/** Whether the value is a range that contains anything. */
export function isStatusRange(value: unknown): boolean {
  if (typeof value !== 'string' || !STATUS_RANGE.test(value)) return false;
  const { from, to } = readStatusRange(value);
  return from <= to;
}
