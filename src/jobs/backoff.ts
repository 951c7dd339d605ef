const FIRST_MS = 500;
const LONGEST_MS = 60_000;

/** Exponential back-off, half of it random: 0.25..0.5 s after the first failure, at most 60 s. `random` is between 0 and 1. */
export function backoffMs(attempts: number, random: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempts, 20));
  return Math.round(full * (0.5 + random / 2));
}
