const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** After the first failed attempt, the second, and so on; the last one again and again. */
const WAITS_MS = [5_000, 30_000, 2 * MINUTE, 10 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR];
const JITTER = 0.2;

/** A delivery is tried for three days. Then it is dead, until its owner asks for it again. */
export const GIVE_UP_HOURS = 72;
/** So long nothing but failures, and at least so many, switch a subscription off. */
export const DISABLE_AFTER_DAYS = 5;
export const DISABLE_AFTER_FAILURES = 10;

/** Until the next attempt of one delivery that has failed `attempts` times, give or take a fifth. `random` in 0..1. */
export function retryDelayMs(attempts: number, random: number): number {
  const wait = WAITS_MS[Math.min(Math.max(attempts, 1), WAITS_MS.length) - 1] ?? HOUR;
  return Math.round(wait * (1 - JITTER + 2 * JITTER * random));
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = MINUTE;

/** How long a target is left alone after `failures` failed attempts in a row, whatever was sent: a dead one costs little then. */
export const pauseMs = (failures: number): number =>
  Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(Math.max(failures, 1) - 1, 10));
