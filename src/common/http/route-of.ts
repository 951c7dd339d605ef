import type { FastifyRequest } from 'fastify';

/** The template of the matched route, such as `/api/deployment/:id`: it has no ids and no secrets in it. */
export const routeOf = (request: Pick<FastifyRequest, 'is404' | 'routeOptions'>): string =>
  request.is404 ? 'unmatched' : (request.routeOptions.url ?? 'unmatched');
