import { fieldOf } from '../../common/field-of';
import { tlsTrouble } from '../../common/tls-trouble';
import { oneLine } from '../one-line';
import { DriverError } from '../runtime-driver';

interface ClusterAnswer {
  readonly code: number;
  readonly message: string;
}

/** What the API server itself answered; null when it did not answer. */
function clusterAnswer(error: unknown): ClusterAnswer | null {
  const code = fieldOf(error, 'code');
  if (!(error instanceof Error) || typeof code !== 'number') return null;
  const body = fieldOf(error, 'body');
  return { code, message: messageOf(body) ?? `code ${code}` };
}

/** The body is an object, or its JSON for what the client has no type for. */
function messageOf(body: unknown): string | null {
  const told = typeof body === 'string' ? messageIn(body) : fieldOf(body, 'message');
  return typeof told === 'string' ? told : null;
}

/** The JSON may be cut off, or have something around it. */
function messageIn(text: string): unknown {
  const [, written] = /"message":\s*("(?:[^"\\]|\\.)*")/.exec(text) ?? [];
  try {
    return written === undefined ? null : JSON.parse(written);
  } catch {
    return null;
  }
}

export const isNotFound = (error: unknown): boolean => clusterAnswer(error)?.code === 404;
export const isConflict = (error: unknown): boolean => clusterAnswer(error)?.code === 409;
/** The API server has not even looked at the request. */
export const isOverloaded = (error: unknown): boolean => clusterAnswer(error)?.code === 429;

/**
 * Turns any error of a call into a DriverError. A cluster refuses in words that people need: the right that is missing, the quota that
 * is full, the policy that objects. 500 and a time limit do not tell what happened. After 429, a gateway's 5xx or a broken connection
 * the same may be asked again, once the API server is well.
 */
export function toDriverError(error: unknown, doing: string): DriverError {
  if (error instanceof DriverError) return error;
  const answer = clusterAnswer(error);
  if (answer !== null) {
    const words = oneLine(answer.message);
    switch (answer.code) {
      case 401:
        return new DriverError(
          'unreachable',
          'The cluster does not know the account of this node: its token has expired or was revoked, or it went with its namespace',
          { cause: error },
        );
      case 403:
        return new DriverError('unfit', `The cluster refuses to ${doing}: ${words}`, { cause: error });
      case 400:
      case 422: {
        // A policy is this cluster's own; what is wrong with the object itself is so in every cluster.
        const failure = /denied (?:the )?request/i.test(words) ? 'unfit' : 'rejected';
        return new DriverError(failure, `The cluster refuses to ${doing}: ${words}`, { cause: error });
      }
      case 404:
        return new DriverError('unfit', `The cluster could not ${doing}: ${words}`, { cause: error });
      case 429:
        return new DriverError('unreachable', `The cluster has too much to do: it could not ${doing} (code 429)`, { cause: error });
      case 502:
      case 503:
      case 504:
        return new DriverError('unreachable', `The cluster could not ${doing} (code ${answer.code}): ${words}`, { cause: error });
      default:
        return new DriverError('timeout', `The cluster could not ${doing} (code ${answer.code}): ${words}`, { cause: error });
    }
  }
  const trouble = tlsTrouble(error);
  if (trouble !== null) return new DriverError('unreachable', `The cluster of this node was reached, but ${trouble}`, { cause: error });
  return new DriverError('unreachable', 'The cluster of this node does not answer', { cause: error });
}
