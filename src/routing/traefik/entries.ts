import { SIMULATED_ADDRESS, type Route, type RouteTable } from '../route-table';

const PREFIX = 'fog-';
/** Above what Traefik gives to rules without one, which is their length, so that a rule for all hosts of the operator's stays behind. */
const FIRST_PRIORITY = 1_000;

/** The names of what all deployments share. */
export const SHARED = { request: 'fog-request', retry: 'fog-retry', waiting: 'fog-waiting', transport: 'fog-transport' } as const;

/** The router and the service of each route of a table, as members of JSON objects. */
export interface TableEntries {
  readonly routers: string;
  readonly services: string;
}

/** How Traefik is to serve a table. Pure. A deployment without a replica keeps its routers, so that it is a 503 and not a 404. */
export function entriesOf({ deploymentId, routes, backends }: RouteTable): TableEntries {
  const services = new Map<string, readonly { readonly url: string }[]>();
  const routers = routes.map((route, index) => {
    const service = `${PREFIX}${deploymentId}-${route.port}`;
    const addresses = backends.flatMap(({ ports }) => ports[route.port] ?? []).filter((address) => address !== SIMULATED_ADDRESS);
    services.set(
      service,
      addresses.map((address) => ({ url: `http://${address}` })),
    );
    const middlewares = [...(addresses.length === 0 ? [SHARED.waiting] : []), SHARED.request, SHARED.retry];
    const priority = FIRST_PRIORITY + route.pathPrefix.length;
    return member(`${PREFIX}${deploymentId}-${index}`, { rule: ruleOf(route), priority, service, middlewares });
  });
  return {
    routers: routers.join(','),
    services: [...services]
      .map(([name, servers]) => member(name, { loadBalancer: { servers, serversTransport: SHARED.transport } }))
      .join(','),
  };
}

/** The deployment of a router or a service, by its name with the provider behind it; undefined for those of others. */
export const deploymentOf = (name: string): string | undefined => /^fog-(.+)-\d+@http$/.exec(name)?.[1];

/** A path is matched in whole segments. Hosts and paths are canonical, and none has a backtick. */
function ruleOf({ host, pathPrefix }: Route): string {
  const isHost = `Host(\`${host}\`)`;
  return pathPrefix === '/' ? isHost : `${isHost} && (Path(\`${pathPrefix}\`) || PathPrefix(\`${pathPrefix}/\`))`;
}

const member = (name: string, value: object): string => `${JSON.stringify(name)}:${JSON.stringify(value)}`;
