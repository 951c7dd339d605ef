import { attemptAfter, restartDelaySeconds } from '../engines/restart-backoff';

/** A deployment that has never run becomes `failed` when one of its replicas has failed so many times in a row. */
export const START_ATTEMPTS = 3;

/** A replica that has failed, at `changedAt`. Both times are of the database's clock: an engine's clock may differ by hours. */
interface Ended {
  readonly attempt: number;
  readonly runningAt: Date | null;
  readonly changedAt: Date;
}

/** The attempt number of a failed replica's successor. After a run of ten minutes the count begins anew. */
export function nextAttempt({ attempt, runningAt, changedAt }: Ended): number {
  const ranSeconds = runningAt ? (changedAt.getTime() - runningAt.getTime()) / 1000 : 0;
  return attemptAfter(attempt, ranSeconds);
}

/** A failure in the future was written before the clock was set back, and its pause is over. */
export function restartDueMs(failed: Ended, now: Date): number {
  if (failed.changedAt > now) return 0;
  return Math.max(0, failed.changedAt.getTime() + restartDelaySeconds(nextAttempt(failed)) * 1000 - now.getTime());
}

/**
 * Whether a failure ends the start of a deployment that has never run: one that would repeat, or too many in a row. Failures of
 * nodes pass by themselves, so they end it only when its time is over.
 */
export function endsStart(
  failure: { readonly hopeless: boolean; readonly byNode: boolean; readonly attempts: number },
  { patient }: { readonly patient: boolean },
): boolean {
  return failure.hopeless || (failure.attempts >= START_ATTEMPTS && !(failure.byNode && patient));
}
