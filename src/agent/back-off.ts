const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

/** How long to wait after so many failures in a row: anything up to 1, 2, 4 … 60 s, so that a fleet does not come at once. */
export const fullJitterMs = (failures: number, random: number): number =>
  Math.round(Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10)) * random);
