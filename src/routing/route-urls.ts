import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';

const USUAL_PORTS = { http: 80, https: 443 } as const;

/** The addresses that users call. */
@Injectable()
export class RouteUrls {
  /** Whether anything here leads requests to deployments. */
  readonly hasRouters: boolean;
  private readonly scheme: AppConfig['ROUTES_SCHEME'];
  private readonly port: string;

  constructor({ ROUTES_SCHEME, ROUTES_PORT, ROUTER_PORT, LOAD_BALANCER }: AppConfig) {
    const port = ROUTES_PORT ?? (LOAD_BALANCER !== 'none' && ROUTES_SCHEME === 'http' ? ROUTER_PORT : USUAL_PORTS[ROUTES_SCHEME]);
    this.hasRouters = LOAD_BALANCER !== 'none';
    this.scheme = ROUTES_SCHEME;
    this.port = port === USUAL_PORTS[ROUTES_SCHEME] ? '' : `:${port}`;
  }

  of(host: string, pathPrefix: string): string {
    return `${this.scheme}://${host}${this.port}${pathPrefix}`;
  }
}
