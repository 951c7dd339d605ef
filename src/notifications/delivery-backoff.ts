const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** How long to wait after the first failed attempt, after the second, and so on; after the last of these, always the last. */
const WAITS_MS = [5_000, 30_000, 2 * MINUTE, 10 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR];
const JITTER = 0.2;

/** How long a delivery is tried. After that it is dead, until its owner asks for it again. */
export const GIVE_UP_HOURS = 72;
/** A subscription is switched off when all attempts have failed for this many days, and at least this many attempts. */
export const DISABLE_AFTER_DAYS = 5;
export const DISABLE_AFTER_FAILURES = 10;

/**
 * How long to wait for the next attempt of a delivery that has failed `attempts` times, give or take a fifth. `random`
 * is in 0..1.
 */
export function retryDelayMs(attempts: number, random: number): number {
  const wait = WAITS_MS[Math.min(Math.max(attempts, 1), WAITS_MS.length) - 1] ?? HOUR;
  return Math.round(wait * (1 - JITTER + 2 * JITTER * random));
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = MINUTE;

/**
 * How long nothing is sent to a target after `failures` failed attempts in a row, so that one that does not answer
 * costs little.
 */
export const pauseMs = (failures: number): number =>
  Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(Math.max(failures, 1) - 1, 10));
