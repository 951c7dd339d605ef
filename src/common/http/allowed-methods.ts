import type { FastifyInstance } from 'fastify';
import router, { type HTTPMethod } from 'find-my-way';
import { DomainError } from '../problem/domain-error';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const satisfies readonly HTTPMethod[];

/**
 * Answers a method that an address does not have with 405 and the methods that it has, and OPTIONS with these alone. Only
 * addresses that have no method at all are 404. Call it before the routes are made: it takes down each of them.
 */
export function tellAllowedMethods(fastify: FastifyInstance, maxParamLength: number): void {
  const routes = router({ maxParamLength });
  fastify.addHook('onRoute', ({ method, url }) => {
    const known = METHODS.filter((name) => [method].flat().includes(name) && routes.findRoute(name, url) === null);
    if (known.length > 0) routes.on(known, url, () => undefined);
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    const asksOptions = request.method === 'OPTIONS';
    if (!request.is404 && !asksOptions) {
      done();
      return;
    }
    const allowed = METHODS.filter((name) => routes.find(name, request.url) !== null);
    if (allowed.length === 0) {
      done(new DomainError('not_found', 'There is nothing at this address.'));
      return;
    }
    const allow = [...allowed, 'OPTIONS'].join(', ');
    if (asksOptions) void reply.code(204).header('Allow', allow).send();
    else done(new DomainError('method_not_allowed', `${request.method} is not possible here.`, { headers: { Allow: allow } }));
  });
}
