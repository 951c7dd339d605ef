import { throwIfAborted } from './abort';
import { DriverError } from './runtime-driver';

export interface CallOptions {
  readonly signal: AbortSignal;
  /** What the call does, in words that follow `could not`: `list the containers`. */
  readonly doing: string;
  readonly timeoutMs: number;
  /**
   * After an abort the call may still take this time to finish. For calls that create something: if such a call were cut off,
   * it could take effect after all others have looked, and nothing would know of the container.
   */
  readonly settleMs?: number;
  /** Errors that the caller handles itself; they are thrown unchanged. */
  readonly unless?: (error: unknown) => boolean;
}

interface BoundedCallOptions extends CallOptions {
  /** What an error of the engine's client means. */
  readonly toDriverError: (error: unknown, doing: string) => DriverError;
}

/**
 * Makes one call to an engine: it does not begin after an abort, is bounded in time, and every failure is a DriverError. The
 * race is needed because the client never answers when a connection breaks in the middle of a body.
 */
export async function boundedCall<T>(options: BoundedCallOptions, call: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
  const { signal, doing, timeoutMs } = options;
  throwIfAborted(signal);
  const limit = new AbortController();
  const ended = new Promise<never>((_resolve, reject) => {
    limit.signal.addEventListener('abort', () => reject(limit.signal.reason as Error), { once: true });
  });
  ended.catch(() => undefined);
  let settling: NodeJS.Timeout | undefined;
  const callOff = (): void => limit.abort(new DriverError('aborted', 'The work was called off'));
  const onAbort = (): void => {
    if (options.settleMs === undefined) callOff();
    else settling = setTimeout(callOff, options.settleMs);
  };
  const timer = setTimeout(() => limit.abort(new DriverError('timeout', `The engine took too long to ${doing}`)), timeoutMs);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([call(limit.signal), ended]);
  } catch (error) {
    if (limit.signal.reason instanceof DriverError) throw limit.signal.reason;
    if (options.unless?.(error) === true) throw error;
    throw options.toDriverError(error, doing);
  } finally {
    clearTimeout(timer);
    clearTimeout(settling);
    signal.removeEventListener('abort', onAbort);
  }
}
