import { Module, type DynamicModule } from '@nestjs/common';
import { networksOf } from '../common/networks';
import { AppConfig } from '../config/app-config';
import { hasRouters } from '../config/has-routers';
import { BuiltinBalancer } from './builtin/builtin.balancer';
import { HaproxyBalancer } from './haproxy/haproxy.balancer';
import { LoadBalancer } from './load-balancer';
import { RouteFollower } from './route-follower';
import { RouterMetrics } from './router-metrics';
import { RouteTablesRepository } from './route-tables.repository';
import { TraefikApi } from './traefik/traefik-api';
import { TraefikBalancer } from './traefik/traefik.balancer';
import { TraefikController } from './traefik/traefik.controller';
import { WriterLease } from './writer-lease';

/** Whether this process serves routes. */
export const servesRoutes = (config: AppConfig): boolean => hasRouters(config) && (config.ROLE === 'all' || config.ROLE === 'router');

/** What serves routes in this process. */
@Module({})
export class RouterModule {
  static of({ LOAD_BALANCER }: AppConfig): DynamicModule {
    const balancer = { provide: LoadBalancer, useFactory: balancerOf, inject: [AppConfig, WriterLease] };
    const traefik = { provide: TraefikBalancer, useExisting: LoadBalancer };
    return {
      module: RouterModule,
      controllers: LOAD_BALANCER === 'traefik' ? [TraefikController] : [],
      providers: [
        balancer,
        ...(LOAD_BALANCER === 'traefik' ? [traefik] : []),
        RouteFollower,
        RouteTablesRepository,
        RouterMetrics,
        WriterLease,
      ],
      exports: [LoadBalancer],
    };
  }
}

function balancerOf(config: AppConfig, lease: WriterLease): LoadBalancer {
  const { LOAD_BALANCER, HAPROXY_FOLDER: folder = '', HAPROXY_SOCKET, HAPROXY_MASTER_SOCKET, HAPROXY_BACKENDS } = config;
  if (LOAD_BALANCER === 'traefik') return traefikOf(config, lease);
  if (LOAD_BALANCER !== 'haproxy') return new BuiltinBalancer(config);
  const options = {
    bind: `${config.ROUTER_HOST}:${config.ROUTER_PORT}`,
    folder,
    socket: HAPROXY_SOCKET ?? `${folder}/admin.sock`,
    masterSocket: HAPROXY_MASTER_SOCKET ?? null,
    slots: HAPROXY_BACKENDS,
    trusted: networksOf('TRUSTED_PROXIES', config.TRUSTED_PROXIES),
  };
  return new HaproxyBalancer(options, () => lease.require());
}

function traefikOf({ TRAEFIK_API_URL: url, DRAIN_SECONDS }: AppConfig, lease: WriterLease): TraefikBalancer {
  const options = { api: url === undefined ? null : new TraefikApi(url), drainMs: DRAIN_SECONDS * 1_000 };
  return new TraefikBalancer(options, () => lease.require());
}
