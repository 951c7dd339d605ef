import { throwIfAborted } from '../abort';
import { DriverError } from '../runtime-driver';
import { toDriverError } from './docker-errors';

export interface CallOptions {
  readonly signal: AbortSignal;
  /** In words that follow `could not`: `list the containers`. */
  readonly doing: string;
  readonly timeoutMs: number;
  /**
   * After an abort the call may still finish within this time. For calls that make something: one that is cut off may take
   * effect after everybody has looked, and then nobody knows of the container.
   */
  readonly settleMs?: number;
  /** Answers that the caller reads by itself: such an error is thrown as it came. */
  readonly unless?: (error: unknown) => boolean;
}

/**
 * One call to an engine: not begun after the abort, bounded in time, and every failure a DriverError. The race is needed
 * because the client forgets to answer when a connection breaks in the middle of a body.
 */
export async function engineCall<T>(options: CallOptions, call: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
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
    throw toDriverError(error, doing);
  } finally {
    clearTimeout(timer);
    clearTimeout(settling);
    signal.removeEventListener('abort', onAbort);
  }
}
