import type { FastifyInstance } from 'fastify';
import { routeOf } from '../common/http/route-of';
import type { Metrics } from './metrics';

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Times every answer by method, route template and status class; addresses that no route matches share one label. */
export function measureHttp(fastify: FastifyInstance, metrics: Metrics): void {
  const duration = metrics.histogram({
    name: 'fog_http_request_duration_seconds',
    help: 'Time from the first byte of a request to the end of its answer.',
    labels: ['method', 'route', 'status'],
    buckets: BUCKETS,
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const status = `${String(Math.floor(reply.statusCode / 100))}xx`;
    duration.observe({ method: request.method, route: routeOf(request), status }, reply.elapsedTime / 1000);
    done();
  });
}
