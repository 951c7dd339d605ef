import { LRUCache } from 'lru-cache';
import { lockSecondsAfter } from './lockout';

const MAX_NAMES = 10_000;
const FORGOTTEN_AFTER_MS = 86_400_000;

/** Counts failed log-ins of names that no account has and locks them by the same schedule, so that a lock says nothing. */
export class StrangerLockout {
  private readonly names = new LRUCache<string, { failures: number; lockedUntilMs: number }>({ max: MAX_NAMES, ttl: FORGOTTEN_AFTER_MS });

  constructor(private readonly schedule: readonly number[]) {}

  /** 0 when not locked. */
  lockedForSeconds(name: string, nowMs: number): number {
    return Math.max(0, Math.ceil(((this.names.get(name)?.lockedUntilMs ?? 0) - nowMs) / 1000));
  }

  recordFailure(name: string, nowMs: number): void {
    const before = this.names.get(name);
    const failures = (before?.failures ?? 0) + 1;
    const seconds = lockSecondsAfter(failures, this.schedule);
    this.names.set(name, { failures, lockedUntilMs: seconds > 0 ? nowMs + seconds * 1000 : (before?.lockedUntilMs ?? 0) });
  }
}
