import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { storage, Store } from 'nestjs-pino/storage';
import type { Logger } from 'pino';
import { routeOf } from '../common/http/route-of';
import type { RequestState } from '../common/request-context';

/** Gives every line that is logged while a request is served its request id, and logs one line per request when it ends. */
export function logRequests(fastify: FastifyInstance, logger: Logger): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    storage.run(new Store(logger.child({ request_id: request.id })), done);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    logger.info(lineOf(request, reply), 'request');
    done();
  });
  fastify.addHook('onRequestAbort', (request, done) => {
    logger.info({ request_id: request.id, method: request.method, route: routeOf(request) }, 'request aborted by the client');
    done();
  });
}

function lineOf(request: FastifyRequest, reply: FastifyReply): Record<string, unknown> {
  const { user } = request as FastifyRequest & Partial<RequestState>;
  return {
    request_id: request.id,
    method: request.method,
    route: routeOf(request),
    status: reply.statusCode,
    duration_ms: Math.round(reply.elapsedTime * 10) / 10,
    ...(user === undefined ? {} : { user_id: user.userId }),
  };
}
