import { fieldOf } from '../../common/field-of';
import { pause } from '../abort';
import { isOverloaded } from './kubernetes-errors';

/** An overloaded API server gets its way for so long altogether; then the caller hears of it. */
const PATIENCE_MS = 8_000;
const USUAL_PAUSE_MS = 1_000;

/**
 * Asks again what an API server has refused unread because it has too much to do, as late as it wants, and once, at once, what met a
 * connection that was closed meanwhile. Only for questions that may be asked twice.
 */
export async function askAgain<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  let [waited, reconnected] = [0, false];
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const pauseMs = isOverloaded(error) ? retryAfterMs(error) : 0;
      if (isOverloaded(error) ? waited + pauseMs > PATIENCE_MS : reconnected || !isBrokenConnection(error)) throw error;
      if (pauseMs === 0) reconnected = true;
      waited += pauseMs;
      await pause(pauseMs, signal);
    }
  }
}

function retryAfterMs(error: unknown): number {
  const seconds = Number(fieldOf(fieldOf(error, 'headers'), 'retry-after'));
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : USUAL_PAUSE_MS;
}

/** As a kept connection ends while it is idle: the server was started again, or has waited long enough. */
const isBrokenConnection = (error: unknown): boolean => ['ECONNRESET', 'EPIPE'].includes(String(fieldOf(error, 'code')));
