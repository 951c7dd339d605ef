import { DomainError } from '../common/problem/domain-error';
import type { PortSpec } from '../engines/container-spec';
import { readRoutes, type AskedRoute, type NamedRoute, type RouteCircumstances } from './hosts/asked-route';

/** What is the same for all routes of one project. */
export type RoutesPlace = Omit<RouteCircumstances, 'name' | 'ports'>;

/** A route that a deployment has, with the project of that. */
export interface TakenRoute {
  readonly host: string;
  readonly pathPrefix: string;
  readonly projectId: string;
}

interface RoutedDeployment {
  readonly name: string;
  /** Those of the revision that is wanted. */
  readonly ports: readonly PortSpec[];
}

/** What routes a new deployment is to have. */
export interface WantedRoutes extends RoutedDeployment {
  readonly asked: readonly AskedRoute[];
}

/** For deployments without any route. */
export const NOWHERE: RoutesPlace = { owner: { id: '', name: '' }, isAdmin: false, domain: '', allowedDomains: [] };

/** Gives out the routes of new deployments of one project, one deployment after the other, each as if it were the only one. */
export class RouteLedger {
  private readonly taken = new Map<string, TakenRoute[]>();

  constructor(
    private readonly place: RoutesPlace,
    taken: readonly TakenRoute[],
  ) {
    for (const route of taken) this.note(route);
  }

  /**
   * The canonical routes, which are taken from now on. Throws `validation_failed` for hosts, paths and ports that cannot be, and
   * `route_taken`.
   */
  take({ asked, ...deployment }: WantedRoutes): readonly NamedRoute[] {
    if (asked.length === 0) return [];
    const routes = canonicalRoutes(asked, deployment, this.place);
    const projectId = this.place.owner.id;
    const isTaken = ({ host, pathPrefix }: NamedRoute): boolean =>
      (this.taken.get(host) ?? []).some((other) => other.projectId !== projectId || other.pathPrefix === pathPrefix);
    if (routes.some(isTaken)) throw routeTaken();
    for (const { host, pathPrefix } of routes) this.note({ host, pathPrefix, projectId });
    return routes;
  }

  private note(route: TakenRoute): void {
    const others = this.taken.get(route.host);
    if (others) others.push(route);
    else this.taken.set(route.host, [route]);
  }
}

/** Throws `validation_failed` for hosts, paths and ports that cannot be. */
export function canonicalRoutes(asked: readonly AskedRoute[], deployment: RoutedDeployment, place: RoutesPlace): readonly NamedRoute[] {
  const read = readRoutes(asked, { ...place, name: deployment.name, ports: tcpPorts(deployment) });
  if ('faults' in read) throw new DomainError('validation_failed', 'The routes cannot be made', { errors: read.faults });
  return read.routes;
}

/** The hosts that are asked for; none when the routes cannot be made. */
export function hostsOf({ asked, ...deployment }: WantedRoutes, place: RoutesPlace): string[] {
  const read = readRoutes(asked, { ...place, name: deployment.name, ports: tcpPorts(deployment) });
  return 'faults' in read ? [] : read.routes.map(({ host }) => host);
}

/** The refusal does not say whose the route is. */
export const routeTaken = (): DomainError => new DomainError('route_taken', 'A host and path of the routes is taken already');

const tcpPorts = ({ ports }: RoutedDeployment): number[] =>
  ports.filter(({ protocol }) => protocol === 'tcp').map(({ containerPort }) => containerPort);
