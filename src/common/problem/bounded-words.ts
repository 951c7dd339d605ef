import type { FieldFault } from './domain-error';

/** Longer than any sentence of ours; only what a request has sent makes one longer. */
const MOST_CHARACTERS = 500;
/** Of all faults of an answer together: beside its address, an error stays under 4 kB whatever was sent. */
const MOST_CHARACTERS_OF_FAULTS = 2_500;

/** The text, cut when it is longer than any of our own sentences. */
export const boundedText = (text: string): string => (text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 1)}…` : text);

/** As many of the faults as an answer may hold, from the first on, each of them cut. There is always room for the first. */
export function boundedFaults(faults: readonly FieldFault[]): FieldFault[] {
  let left = MOST_CHARACTERS_OF_FAULTS;
  return faults
    .map(({ pointer, detail }) => ({ pointer: boundedText(pointer), detail: boundedText(detail) }))
    .filter(({ pointer, detail }) => (left -= pointer.length + detail.length) >= 0);
}
