import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Backends } from './backends';
import { answerHeaders, type PassedHeaders } from './forwarded-headers';
import { codeOf, wasNotSent } from './refused';
import { hasBody } from './plain-request';
import type { Destination, Target } from './route-index';
import { answerInWords } from './words';

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** Instead of a status code: the client left before there was one. */
export const GONE = 0;

/** One request on its way: where it may go, and what is sent. */
interface Passage {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly destination: Destination;
  readonly path: string;
  readonly headers: PassedHeaders;
  /** Called once: the status code of the answer that begins, or `GONE`. */
  readonly onAnswer: (status: number) => void;
}

/**
 * Passes a request to one of the replicas and its answer back, part by part as they come. A request without a body goes to
 * another replica when it certainly was not received, or when it is idempotent and no answer had begun.
 */
export function proxyRequest(backends: Backends, passage: Passage): void {
  const { request, response, destination, onAnswer } = passage;
  const tried = new Set<string>();

  const attempt = (): void => {
    const target = backends.choose(destination.targets, tried);
    if (!target) {
      onAnswer(answerInWords(response, tried.size === 0 ? 'no replica' : 'unreachable'));
      return;
    }
    tried.add(target.replicaId);
    send(backends, passage, { target, onError });
  };
  const onError = (error: unknown, target: Target): void => {
    const isUnsent = wasNotSent(error);
    if (isUnsent || (!response.headersSent && isConnectionLoss(error))) backends.avoid(target);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (response.destroyed) {
      onAnswer(GONE);
      return;
    }
    const mayRepeat = !hasBody(request) && (isUnsent || (IDEMPOTENT.has(request.method ?? '') && isConnectionLoss(error)));
    if (mayRepeat && tried.size < destination.targets.length) attempt();
    else onAnswer(answerInWords(response, isTimeout(error) ? 'timeout' : 'unreachable'));
  };
  attempt();
}

interface Attempt {
  readonly target: Target;
  readonly onError: (error: unknown, target: Target) => void;
}

function send(backends: Backends, { request, response, path, headers, onAnswer }: Passage, { target, onError }: Attempt): void {
  const leave = backends.enter(target);
  let controller: Dispatcher.DispatchController | undefined;
  const onClose = (): void => {
    if (!response.writableFinished) controller?.abort(new Error('The client has gone'));
  };
  const end = (): void => {
    response.off('close', onClose);
    leave();
  };
  response.once('close', onClose);
  const options = { method: request.method ?? 'GET', path, headers, body: hasBody(request) ? request : null };
  try {
    backends.poolOf(target).dispatch(options, {
      onRequestStart: (started) => {
        controller = started;
        if (response.destroyed) onClose();
      },
      onResponseStart: (_controller, status, received) => {
        if (status < 200) return;
        // Without the reason phrase, which may have characters that cannot be sent again, and which no program reads.
        response.writeHead(status, answerHeaders(received));
        onAnswer(status);
        // Without a length the body is a stream, whose first part may be long in coming.
        if (received['content-length'] === undefined) response.flushHeaders();
      },
      onResponseData: (received, chunk) => {
        if (response.write(chunk)) return;
        received.pause();
        response.once('drain', () => received.resume());
      },
      onResponseEnd: (_controller, trailers) => {
        end();
        // They are sent only after a body in parts; another one has no place for them.
        response.addTrailers(answerHeaders(trailers));
        response.end();
      },
      onResponseError: (_controller, error) => {
        end();
        onError(error, target);
      },
    });
  } catch (error) {
    end();
    onError(error, target);
  }
}

const isTimeout = (error: unknown): boolean => codeOf(error) === 'UND_ERR_HEADERS_TIMEOUT';
const isConnectionLoss = (error: unknown): boolean => ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(codeOf(error));
