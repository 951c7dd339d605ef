import { Router } from '../../src/routing/builtin/router';
import { LoadBalancer, type LiveRoutes } from '../../src/routing/load-balancer';
import type { RouteTable } from '../../src/routing/route-table';
import { describeLoadBalancer } from './load-balancer.contract';

/** The router without its thread; `test/engine/routes.engine-spec.ts` has the whole. */
class RouterHere extends LoadBalancer {
  readonly kind = 'builtin';
  readonly address = 'here';
  constructor(private readonly router: Router) {
    super();
  }
  words = (): Promise<string> => Promise.resolve('here');
  apply = (tables: readonly RouteTable[]): Promise<void> => Promise.resolve(this.router.apply(tables));
  live = (): Promise<LiveRoutes> => Promise.resolve(this.router.live());
  close = (): Promise<void> => this.router.close();
}

describeLoadBalancer('builtin', async () => {
  const router = new Router({ host: '127.0.0.1', port: 0, trusted: [] });
  const port = await router.listen();
  return { balancer: new RouterHere(router), port, close: () => router.close() };
});
