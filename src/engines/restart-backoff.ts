const FIRST_DELAY_SECONDS = 10;
const LONGEST_DELAY_SECONDS = 300;
const STABLE_AFTER_SECONDS = 600;

/** The attempt number of what follows a run that has ended after so many seconds. After a run of ten minutes the count begins anew. */
export const attemptAfter = (attempt: number, ranSeconds: number): number => (ranSeconds >= STABLE_AFTER_SECONDS ? 1 : attempt + 1);

/**
 * How long after a failure the replacement is due: the first at once, then after 10, 20, 40 … seconds, at most five minutes (as
 * kubelet does it).
 */
export function restartDelaySeconds(attempt: number): number {
  return attempt <= 1 ? 0 : Math.min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** Math.min(attempt - 2, 10));
}
