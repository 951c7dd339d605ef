import { Transform } from 'class-transformer';
import { IsIn, IsOptional, Matches } from 'class-validator';
import { commaList } from '../../common/comma-list';
import { requireListenAddress } from '../listen-address';
import { IsReadBy, IsUrlOf, whole } from '../variables';

const LOAD_BALANCERS = ['builtin', 'haproxy', 'traefik', 'none'] as const;

/** HAProxy and its commands end words at blanks and commands at semicolons. */
const PLAIN_PATH = /^\/[A-Za-z0-9._/-]*$/;

const DOMAIN = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** How users reach what is deployed by a name. */
export class RoutingConfig {
  /**
   * What sends requests to replicas. `builtin`: a router in this program. `haproxy`: an HAProxy that the operator runs. `traefik`:
   * a Traefik that the operator runs. `none`: routes are recorded, and nothing serves them.
   */
  @IsIn(LOAD_BALANCERS)
  readonly LOAD_BALANCER: (typeof LOAD_BALANCERS)[number] = 'builtin';

  @IsReadBy(requireListenAddress)
  readonly ROUTER_HOST: string = '127.0.0.1';

  @whole(0, 65_535)
  readonly ROUTER_PORT: number = 8080;

  /** Where the configuration of HAProxy is written, for LOAD_BALANCER=haproxy. */
  @IsOptional()
  @IsReadBy(requirePlainPath)
  readonly HAPROXY_FOLDER?: string;

  /** The socket of HAProxy's administrator. Default: `admin.sock` in HAPROXY_FOLDER. */
  @IsOptional()
  @IsReadBy(requirePlainPath)
  readonly HAPROXY_SOCKET?: string;

  /** The socket of HAProxy's master process (`haproxy -S`), through which it is reloaded. Without it the operator reloads. */
  @IsOptional()
  @IsReadBy(requirePlainPath)
  readonly HAPROXY_MASTER_SOCKET?: string;

  /** For how many ports of deployments HAProxy has room before it has to be reloaded. */
  @whole(1, 10_000)
  readonly HAPROXY_BACKENDS: number = 500;

  /** What Traefik has to send as `Authorization: Bearer …` when it asks for its configuration, for LOAD_BALANCER=traefik. */
  @IsOptional()
  @Matches(/^[A-Za-z0-9\-._~+/]{32,}=*$/, {
    message: 'ROUTING_TOKEN must have at least 32 letters, digits or signs of - . _ ~ + /; `openssl rand -hex 32` makes one',
  })
  readonly ROUTING_TOKEN?: string;

  /** Where Traefik's own API answers, such as `http://127.0.0.1:8081`. Without it that Traefik has asked counts as proof. */
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim().replace(/\/+$/, '') : value))
  @IsUrlOf(['http', 'https'], { message: 'TRAEFIK_API_URL must be an http or https address, such as http://127.0.0.1:8081' })
  readonly TRAEFIK_API_URL?: string;

  /** Routes without a host get `{name}.{owner}.` before it; below it everybody has only names that end with their own. */
  @IsReadBy(requireDomain)
  readonly ROUTES_DOMAIN: string = 'localhost';

  /** Comma-separated domains outside of ROUTES_DOMAIN that routes may be in, such as `shop.example,apps.example.org`. */
  @IsReadBy((text) => commaList(text).forEach(requireDomain))
  readonly ROUTES_ALLOWED_DOMAINS: string = '';

  /** What addresses of routes begin with where something else, such as a proxy with TLS, stands before the router. */
  @IsIn(['http', 'https'])
  readonly ROUTES_SCHEME: 'http' | 'https' = 'http';

  /** The port in addresses of routes, if it is another than ROUTER_PORT. */
  @IsOptional()
  @whole(1, 65_535)
  readonly ROUTES_PORT?: number;

  /** How long requests that are under way may take before the container that answers them is asked to end. */
  @whole(0, 3_600)
  readonly DRAIN_SECONDS: number = 30;
}

function requireDomain(text: string): void {
  if (!DOMAIN.test(text)) throw new Error(`${text} must be a domain in lower case, with IDN as punycode, such as apps.example.org`);
}

function requirePlainPath(text: string): void {
  if (!PLAIN_PATH.test(text)) throw new Error(`${text} must be a path from the root, of letters, digits and the signs . _ -`);
}
