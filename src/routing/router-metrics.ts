import { Injectable } from '@nestjs/common';
import { Metrics } from '../metrics/metrics';
import { LoadBalancer } from './load-balancer';
import { RouteFollower } from './route-follower';
import { ANSWER_BOUNDS, type Traffic } from './traffic';

/** How far the balancer that this process leads is behind the database. A process that stands by shows nothing. */
@Injectable()
export class RouterMetrics {
  constructor(metrics: Metrics, follower: RouteFollower, balancer: LoadBalancer) {
    /** Only of a balancer that this process leads, so that none is counted twice. */
    const traffic = (): Traffic | null => (follower.progress ? balancer.traffic : null);
    metrics.readCounter({
      name: 'fog_router_requests_total',
      help: 'Requests to deployments, by the class of the status code; gone: the client left before there was an answer.',
      labels: ['class'],
      read: () => [...(traffic()?.requests ?? [])].map(([name, value]) => ({ labels: { class: name }, value })),
    });
    metrics.readHistogram({
      name: 'fog_router_answer_seconds',
      help: 'From a request to a deployment until the head of its answer. Only from the built-in router.',
      bounds: ANSWER_BOUNDS,
      read: () => traffic()?.answerSeconds ?? null,
    });
    metrics.gauges({
      source: 'router',
      gauges: [
        {
          name: 'fog_router_tables',
          help: 'Deployments in the tables of the balancer, by whether it serves their newest table.',
          labels: ['state'],
        },
        { name: 'fog_router_connections', help: 'Open connections of clients to the balancer, at its last look.' },
        { name: 'fog_router_table_age_seconds', help: 'Since when the balancer was not shown to serve all that the database has.' },
      ],
      read: () => {
        const { progress } = follower;
        const open = traffic()?.openConnections;
        return {
          fog_router_connections: open === undefined ? [] : [{ value: open }],
          fog_router_tables: progress
            ? [
                { labels: { state: 'live' }, value: progress.live },
                { labels: { state: 'behind' }, value: progress.behind },
              ]
            : [],
          fog_router_table_age_seconds: progress ? [{ value: (performance.now() - progress.servedAllAt) / 1_000 }] : [],
        };
      },
    });
  }
}
