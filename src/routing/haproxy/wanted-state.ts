import { SIMULATED_ADDRESS, type RouteTable } from '../route-table';
import { SIMULATED_BACKEND } from './configuration';

/** What HAProxy has to have for all tables. A place is a deployment with one of its ports; it needs a backend of its own. */
export interface WantedState {
  /** By place, the address of each replica. */
  readonly servers: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** By host and path as HAProxy looks them up, where they lead: a place, or the backend for what is simulated. */
  readonly routes: ReadonlyMap<string, { readonly deploymentId: string; readonly place: string }>;
  /** Replicas of any table. */
  readonly replicas: ReadonlySet<string>;
}

const placeOf = (deploymentId: string, port: number): string => `${deploymentId}:${port}`;
/** The deployment of a place. */
export const deploymentOf = (place: string): string => place.split(':', 1)[0] ?? '';

/** Ends with a slash, so that the longest beginning that fits is the longest path in whole segments. */
const keyOf = (host: string, pathPrefix: string): string => `${host}${pathPrefix === '/' ? '' : pathPrefix}/`;

/** Reads the tables. `resolved` gives the addresses for HAProxy, which takes no names at run time. */
export function wantedState(tables: Iterable<RouteTable>, resolved: (address: string) => string | undefined): WantedState {
  const servers = new Map<string, Map<string, string>>();
  const routes = new Map<string, { deploymentId: string; place: string }>();
  const replicas = new Set<string>();
  for (const { deploymentId, routes: own, backends } of tables) {
    for (const { replicaId } of backends) replicas.add(replicaId);
    for (const { host, pathPrefix, port } of own) {
      const isSimulated = backends.some(({ ports }) => ports[port] === SIMULATED_ADDRESS);
      const place = placeOf(deploymentId, port);
      routes.set(keyOf(host, pathPrefix), { deploymentId, place: isSimulated ? SIMULATED_BACKEND : place });
      if (isSimulated || servers.has(place)) continue;
      const reached = backends.flatMap(({ replicaId, ports }): [string, string][] => {
        const address = resolved(ports[port] ?? '');
        return address === undefined ? [] : [[replicaId, address]];
      });
      servers.set(place, new Map(reached));
    }
  }
  return { servers, routes, replicas };
}
