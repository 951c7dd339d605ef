import { setTimeout as sleep } from 'node:timers/promises';

export interface UntilOptions {
  timeoutMs?: number;
  everyMs?: number;
  /** The end of the sentence "Waited 10000 ms for ...". */
  what?: string;
}

/**
 * Polls until the condition returns a truthy value and returns that. When time is up, it throws a sentence with the condition's
 * last error.
 */
export async function until<T>(condition: () => T | Promise<T>, options: UntilOptions = {}): Promise<NonNullable<T>> {
  const { timeoutMs = 60_000, everyMs = 25, what = 'a condition that never held' } = options;
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
