import { boundedCall, type CallOptions } from '../bounded-call';
import { toDriverError } from './docker-errors';

/** Makes one call to a Docker Engine, as `boundedCall` says. */
export const engineCall = <T>(options: CallOptions, call: (abortSignal: AbortSignal) => Promise<T>): Promise<T> =>
  boundedCall({ ...options, toDriverError }, call);
