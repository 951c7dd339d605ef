import type { FastifyHttpOptions } from 'fastify';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { answerClientError } from './common/http/client-errors';
import { requestIdOf } from './common/http/request-id';
import { networksOf } from './common/networks';
import type { ProblemFilter } from './common/problem/problem.filter';
import { BODY_LIMIT_BYTES } from './common/validation/json-body';
import type { AppConfig } from './config/app-config';

/** How long a client may take to send a request. The answer may take longer: a delete may wait for a minute. */
const RECEIVE_WITHIN_MS = 15_000;
const HEADERS_WITHIN_MS = 10_000;
/** Of one part of a path that a route takes as a parameter. */
export const MAX_PARAM_LENGTH = 1_024;

/**
 * Limits of the HTTP server. Paths are matched exactly: another case or a trailing slash makes another address, which
 * is answered with 404. Throws in words for a bad list of proxies.
 */
export function fastifyOptions(config: AppConfig, problems: ProblemFilter): FastifyHttpOptions<Server> {
  const proxies = networksOf('TRUSTED_PROXIES', config.TRUSTED_PROXIES).map(({ text }) => text);
  return {
    logger: false,
    genReqId: requestIdOf,
    requestIdHeader: false,
    trustProxy: proxies.length > 0 ? proxies : false,
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: RECEIVE_WITHIN_MS,
    keepAliveTimeout: config.KEEP_ALIVE_SECONDS * 1_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH, caseSensitive: true, ignoreTrailingSlash: false },
    http: {
      requireHostHeader: false,
      headersTimeout: HEADERS_WITHIN_MS,
      requestTimeout: RECEIVE_WITHIN_MS,
      connectionsCheckingInterval: 2_000,
    },
    clientErrorHandler: (error: NodeJS.ErrnoException, socket: Socket) => answerClientError(error, socket),
    frameworkErrors: (error, request, reply) => problems.answer(error, request, reply),
  };
}
