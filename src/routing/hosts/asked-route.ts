import type { FieldFault } from '../../common/problem/domain-error';
import type { Route } from '../route-table';
import { isUnder, ownerLabel, readHost } from './host-name';
import { readPathPrefix } from './path-prefix';

/** A route as a user asks for it. */
export interface AskedRoute {
  /** Null: the host that follows from the names of the deployment and its project. */
  readonly host: string | null;
  readonly pathPrefix: string;
  readonly port: number;
}

/** A canonical route, and whether its host was asked for. */
export interface NamedRoute extends Route {
  readonly named: boolean;
}

/** For whom routes are asked, and where they may lead. */
export interface RouteCircumstances {
  /** The name of the deployment. */
  readonly name: string;
  /** The project of the deployment. */
  readonly owner: { readonly id: string; readonly name: string };
  /** Whether the caller may give out any name below the domain. */
  readonly isAdmin: boolean;
  /** The ports of the containers that speak TCP. */
  readonly ports: readonly number[];
  readonly domain: string;
  readonly allowedDomains: readonly string[];
}

/** The canonical form of all routes, or every fault of them. Pure. */
export function readRoutes(
  asked: readonly AskedRoute[],
  at: RouteCircumstances,
): { readonly routes: readonly NamedRoute[] } | { readonly faults: readonly FieldFault[] } {
  const faults: FieldFault[] = [];
  const routes: NamedRoute[] = [];
  for (const [index, route] of asked.entries()) {
    const fault = (member: string, detail: string): void => void faults.push({ pointer: `/routes/${index}/${member}`, detail });
    const path = readPathPrefix(route.pathPrefix);
    const host = hostOf(route, at);
    if (!at.ports.includes(route.port))
      fault('port', `port must be one of the deployment's tcp ports: ${at.ports.join(', ') || 'it has none'}`);
    if ('fault' in path) fault('path_prefix', `path_prefix ${path.fault}`);
    if ('fault' in host) fault('host', host.fault);
    if ('fault' in path || 'fault' in host) continue;
    if (routes.some((other) => other.host === host.host && other.pathPrefix === path.path)) {
      fault('host', `must not repeat ${host.host}${path.path}`);
    }
    routes.push({ host: host.host, pathPrefix: path.path, port: route.port, named: route.host !== null });
  }
  return faults.length > 0 ? { faults } : { routes };
}

function hostOf({ host }: AskedRoute, { name, owner, isAdmin, domain, allowedDomains }: RouteCircumstances): ReturnType<typeof readHost> {
  const own = `${ownerLabel(owner)}.${domain}`;
  const read = readHost(host ?? `${name}.${own}`);
  if ('fault' in read) {
    return { fault: host === null ? `is needed: the name ${name} cannot stand in a host name` : `host ${read.fault}` };
  }
  if (isUnder(read.host, domain)) {
    const isOwn = isUnder(read.host, own) && read.host !== own;
    return isOwn || (isAdmin && read.host !== domain) ? read : { fault: `host must end with .${own}, or be outside of ${domain}` };
  }
  if (allowedDomains.some((allowed) => isUnder(read.host, allowed))) return read;
  const places = [`.${own}`, ...allowedDomains].join(', ');
  return { fault: `host must be in a domain that is allowed here: ${places}` };
}
