import { abortWith } from './abort-with';

/**
 * Runs `work` with a signal that fires when `stop` does, or after `timeoutMs` with a `TimeoutError` as its reason.
 *
 * Not `AbortSignal.any` over `AbortSignal.timeout`: nothing holds the inner signal, so a collection of garbage takes it
 * away with its timer, and the work waits for ever (seen on Node 20).
 */
export async function within<T>(timeoutMs: number, stop: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = abortWith(stop);
  const timer = setTimeout(() => limit.abort(new DOMException('The time is up', 'TimeoutError')), timeoutMs);
  try {
    return await work(limit.signal);
  } finally {
    clearTimeout(timer);
    limit.abort();
  }
}

/** Whether a signal of `within` fired because the time was up, and not because the work was called off. */
export const isTimeUp = (signal: AbortSignal): boolean => signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';

/** What `promise` gives, or `fallback` when that takes longer than `ms`. The promise itself goes on; it may fail unseen later. */
export async function resultWithin<T, F>(ms: number, promise: Promise<T>, fallback: F): Promise<T | F> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<F>((resolve) => {
    timer = setTimeout(() => resolve(fallback), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
