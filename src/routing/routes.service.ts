import { Injectable } from '@nestjs/common';
import { commaList } from '../common/comma-list';
import { AppConfig } from '../config/app-config';
import type { Tx } from '../database/transaction';
import type { PortSpec } from '../engines/container-spec';
import type { AskedRoute, NamedRoute } from './hosts/asked-route';
import { canonicalRoutes, hostsOf, NOWHERE, RouteLedger, routeTaken, type RoutesPlace, type WantedRoutes } from './route-ledger';
import { RoutesRepository, type RouteOfNew } from './routes.repository';

/** The deployment that gets routes: `ports` are those of the revision that is wanted. */
interface RoutedDeployment {
  /** Null: it does not exist yet. */
  readonly id: string | null;
  readonly projectId: string;
  readonly name: string;
  readonly ports: readonly PortSpec[];
}

type RouteActor = { readonly isAdmin: boolean };

/** Gives deployments the hosts and paths under which they are reached. */
@Injectable()
export class RoutesService {
  constructor(
    private readonly config: AppConfig,
    private readonly routes: RoutesRepository,
  ) {}

  /** Makes exactly these the routes of the deployment, whose row is locked or new. Throws what `requireRoutes` throws. */
  async replaceRoutes(
    tx: Tx,
    deployment: RoutedDeployment & { readonly id: string },
    asked: readonly AskedRoute[],
    actor: RouteActor,
  ): Promise<void> {
    await this.routes.replace(tx, deployment.id, await this.requireRoutes(tx, deployment, asked, actor));
  }

  /**
   * The canonical routes, if the deployment can have them. Throws `validation_failed` for hosts, paths and ports that cannot be,
   * and `route_taken` when another deployment has one of them, without saying whose it is.
   */
  async requireRoutes(
    tx: Tx,
    deployment: RoutedDeployment,
    asked: readonly AskedRoute[],
    actor: RouteActor,
  ): Promise<readonly NamedRoute[]> {
    if (asked.length === 0) return [];
    const routes = canonicalRoutes(asked, deployment, await this.placeOf(tx, deployment.projectId, actor));
    if (!(await this.routes.claim(tx, deployment, routes))) throw routeTaken();
    return routes;
  }

  /** For the routes of new deployments of this project, which are decided one after the other. Locks nothing: see `addRoutes`. */
  async ledger(tx: Tx, projectId: string, wanted: readonly WantedRoutes[], actor: RouteActor): Promise<RouteLedger> {
    const routed = wanted.filter(({ asked }) => asked.length > 0);
    if (routed.length === 0) return new RouteLedger(NOWHERE, []);
    const place = await this.placeOf(tx, projectId, actor);
    const hosts = routed.flatMap((each) => hostsOf(each, place));
    return new RouteLedger(place, await this.routes.taken(tx, [...new Set(hosts)]));
  }

  /**
   * Gives these routes to new deployments of one project. False, and nothing is written, when others have taken one since the ledger
   * was read.
   */
  async addRoutes(tx: Tx, projectId: string, routes: readonly RouteOfNew[]): Promise<boolean> {
    if (routes.length === 0) return true;
    if (!(await this.routes.claim(tx, { id: null, projectId }, routes))) return false;
    await this.routes.add(tx, routes);
    return true;
  }

  private async placeOf(tx: Tx, projectId: string, { isAdmin }: RouteActor): Promise<RoutesPlace> {
    return {
      owner: { id: projectId, name: await this.routes.projectName(tx, projectId) },
      isAdmin,
      domain: this.config.ROUTES_DOMAIN,
      allowedDomains: commaList(this.config.ROUTES_ALLOWED_DOMAINS),
    };
  }
}
