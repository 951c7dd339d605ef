import type { FastifyInstance } from 'fastify';
import { DomainError } from '../problem/domain-error';

/**
 * Node would answer two kinds of requests itself, without a problem and a request id. With this, a request without a
 * Host (fastifyOptions lets it through) is refused with a problem, and an unknown `Expect` is ignored, as RFC 9110
 * allows.
 */
export function answerInsteadOfNode(fastify: FastifyInstance): void {
  fastify.server.on('checkExpectation', (request, response) => fastify.server.emit('request', request, response));
  fastify.addHook('onRequest', (request, reply, done) => {
    if (request.headers.host !== undefined || request.raw.httpVersion === '1.0') {
      done();
      return;
    }
    reply.header('Connection', 'close');
    done(new DomainError('invalid_request', 'The Host header is missing.'));
  });
}
