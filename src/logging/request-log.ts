import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { storage, type Store } from 'nestjs-pino/storage';
import type { Logger } from 'pino';
import { routeOf } from '../common/http/route-of';
import type { RequestState } from '../common/request-context';

/** Gives every line that is logged while a request is served its request id, and logs one line per request when it ends. */
export function logRequests(fastify: FastifyInstance, logger: Logger): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    storage.run(new RequestStore(logger, request.id), done);
  });
  if (!logger.isLevelEnabled('info')) return;
  fastify.addHook('onResponse', (request, reply, done) => {
    logger.info(lineOf(request, reply), 'request');
    done();
  });
  fastify.addHook('onRequestAbort', (request, done) => {
    logger.info({ request_id: request.id, method: request.method, route: routeOf(request) }, 'request aborted by the client');
    done();
  });
}

/** Makes the logger of a request when something is logged, because most requests log only their end. */
class RequestStore implements Store {
  private own: Logger | undefined;

  constructor(
    private readonly all: Logger,
    private readonly requestId: string,
  ) {}

  get logger(): Logger {
    return (this.own ??= this.all.child({ request_id: this.requestId }));
  }
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
