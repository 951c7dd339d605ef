const FIRST_DELAY_SECONDS = 10;
const LONGEST_DELAY_SECONDS = 300;
const STABLE_AFTER_SECONDS = 600;

/** A deployment that has never run becomes `failed` when one of its replicas has failed so many times in a row. */
export const START_ATTEMPTS = 3;

interface Ended {
  readonly attempt: number;
  readonly startedAt: Date | null;
  readonly changedAt: Date;
}

/** The attempt number of a failed replica's successor. After a run of ten minutes the count begins anew. */
export function nextAttempt({ attempt, startedAt, changedAt }: Ended): number {
  const ranSeconds = startedAt ? (changedAt.getTime() - startedAt.getTime()) / 1000 : 0;
  return ranSeconds >= STABLE_AFTER_SECONDS ? 1 : attempt + 1;
}

/**
 * How long after a failure the replacement is due: the first at once, then after 10, 20, 40 … seconds, at most five minutes (as
 * kubelet does it).
 */
export function restartDelaySeconds(attempt: number): number {
  return attempt <= 1 ? 0 : Math.min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** Math.min(attempt - 2, 10));
}

export function restartDueMs(failed: Ended, now: Date): number {
  return Math.max(0, failed.changedAt.getTime() + restartDelaySeconds(nextAttempt(failed)) * 1000 - now.getTime());
}
