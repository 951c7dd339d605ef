import type { FieldFault } from './domain-error';

/** An error answer takes less than 4 kB, whatever was sent: it must not carry much to somebody who has no credential. */
const MOST_BYTES = 4_000;
/** Longer than any sentence of ours; only what a request has sent makes one longer. */
const MOST_CHARACTERS = 500;
const MOST_BYTES_OF_TEXT = 1_000;
/** Of all faults of an answer together, and of what an error tells beside them. */
const MOST_BYTES_OF_FAULTS = 1_500;
const MOST_BYTES_OF_MEMBER = 500;

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** The text, cut when it is longer than any of our own sentences. */
export const boundedText = (text: string): string => cut(text.length > MOST_CHARACTERS ? shortened(text, MOST_CHARACTERS) : text);

/** As many of the faults as an answer may hold, from the first on, each of them cut. There is always room for the first. */
export function boundedFaults(faults: readonly FieldFault[]): FieldFault[] {
  let left = MOST_BYTES_OF_FAULTS;
  return faults
    .map(({ pointer, detail }) => ({ pointer: cut(pointer, MOST_BYTES_OF_FAULTS / 3), detail: cut(detail, MOST_BYTES_OF_FAULTS / 2) }))
    .filter((fault) => (left -= bytesOf(fault)) >= 0);
}

/** The further members of a problem, with texts that are cut. */
export const boundedMembers = (members: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(members).map(([name, value]) => [name, typeof value === 'string' ? cut(value, MOST_BYTES_OF_MEMBER) : value]),
  );

/** The path, whole as long as the answer has room for it beside everything else that it says. */
export const boundedPath = (path: string, others: object): string => cut(path, Math.max(2, MOST_BYTES - bytesOf(others)));

/** The text, or so much of its beginning that it takes no more bytes in JSON, where an escape takes up to six. */
function cut(text: string, bytes: number = MOST_BYTES_OF_TEXT): string {
  if (text.length * 6 + 2 <= bytes || bytesOf(text) <= bytes) return text;
  let [fits, tooLong] = [0, Math.min(text.length, bytes)];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (bytesOf(shortened(text, middle)) <= bytes) fits = middle;
    else tooLong = middle;
  }
  return shortened(text, fits);
}

/** Never ends in half a character. */
const shortened = (text: string, length: number): string =>
  length < 1 ? '' : `${text.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
