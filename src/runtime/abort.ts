import { setTimeout as sleep } from 'node:timers/promises';
import { DriverError } from './runtime-driver';

/** Throws `aborted` once the caller has aborted the work. Called between every two calls to an engine. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new DriverError('aborted', 'The work was called off');
}

/** Waits, and throws `aborted` as soon as the signal fires. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  try {
    await sleep(milliseconds, undefined, { signal });
  } catch {
    throwIfAborted(signal);
  }
}
