import { setTimeout as sleep } from 'node:timers/promises';

export interface UntilOptions {
  timeoutMs?: number;
  everyMs?: number;
  /** Ends the sentence "Waited 10000 ms for ...". */
  what?: string;
}

/** Polls until the condition gives a truthy value and returns it; fails in words, with the condition's last error, when time is up. */
export async function until<T>(condition: () => T | Promise<T>, options: UntilOptions = {}): Promise<NonNullable<T>> {
  const { timeoutMs = 10_000, everyMs = 25, what = 'a condition that never held' } = options;
  const end = performance.now() + timeoutMs;
  let cause: unknown;
  do {
    try {
      const value = await condition();
      if (value) return value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await sleep(everyMs);
  } while (performance.now() < end);
  const last = cause instanceof Error ? ` (last error: ${cause.message})` : '';
  throw new Error(`Waited ${timeoutMs} ms for ${what}${last}`, { cause });
}
