import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { hasRouters } from '../config/has-routers';

const USUAL_PORTS = { http: 80, https: 443 } as const;

/** The addresses that users call. */
@Injectable()
export class RouteUrls {
  /** Whether anything here leads requests to deployments. */
  readonly hasRouters: boolean;
  private readonly scheme: AppConfig['ROUTES_SCHEME'];
  private readonly port: string;

  constructor(config: AppConfig) {
    const { ROUTES_SCHEME, ROUTES_PORT, ROUTER_PORT } = config;
    this.hasRouters = hasRouters(config);
    const port = ROUTES_PORT ?? (this.hasRouters && ROUTES_SCHEME === 'http' ? ROUTER_PORT : USUAL_PORTS[ROUTES_SCHEME]);
    this.scheme = ROUTES_SCHEME;
    this.port = port === USUAL_PORTS[ROUTES_SCHEME] ? '' : `:${port}`;
  }

  of(host: string, pathPrefix: string): string {
    return `${this.scheme}://${host}${this.port}${pathPrefix}`;
  }
}
