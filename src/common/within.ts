/**
 * Runs `work` with a signal that fires when `stop` does, or after `timeoutMs` with a `TimeoutError` as its reason.
 *
 * Not `AbortSignal.any` over `AbortSignal.timeout`: nothing holds the inner signal, so a collection of garbage takes it
 * away with its timer, and the work waits for ever (seen on Node 20).
 */
export async function within<T>(timeoutMs: number, stop: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = new AbortController();
  const onStop = (): void => limit.abort(stop.reason);
  const timer = setTimeout(() => limit.abort(new DOMException('The time is up', 'TimeoutError')), timeoutMs);
  stop.addEventListener('abort', onStop, { once: true });
  if (stop.aborted) onStop();
  try {
    return await work(limit.signal);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', onStop);
  }
}

/** Whether a signal of `within` fired because the time was up, and not because the work was called off. */
export const isTimeUp = (signal: AbortSignal): boolean => signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';
