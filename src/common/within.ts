import { abortWith } from './abort-with';

/**
 * Runs `work` with a signal that fires when `stop` does, or after `timeoutMs` with a `TimeoutError` as its reason.
 * `AbortSignal.any` over `AbortSignal.timeout` is no substitute: nothing refers to the inner signal, so the garbage
 * collector removes it with its timer, and the work waits for ever (seen on Node 20).
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

/** Whether a signal of `within` fired because the time was over, and not because `stop` fired. */
export const isTimeUp = (signal: AbortSignal): boolean => signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';

/**
 * The result of `promise`, or `fallback` when that takes longer than `ms`. The promise itself goes on, and a later
 * failure of it is ignored.
 */
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
