/** The numbers of the lock-out; see LOGIN_* in the configuration. */
export interface LockoutRule {
  readonly maxFailures: number;
  readonly lockSeconds: number;
  readonly maxLockSeconds: number;
}

const MAX_DOUBLINGS = 16;

/** How long the nth failure in a row locks, in seconds, at index n - 1; the last entry holds for all that follow. */
export function lockSchedule({ maxFailures, lockSeconds, maxLockSeconds }: LockoutRule): number[] {
  const free = Array.from({ length: maxFailures - 1 }, () => 0);
  const locks = Array.from({ length: MAX_DOUBLINGS + 1 }, (_unused, doublings) => Math.min(lockSeconds * 2 ** doublings, maxLockSeconds));
  return [...free, ...locks];
}
