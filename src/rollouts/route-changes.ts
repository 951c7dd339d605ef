import { Injectable } from '@nestjs/common';
import { isDeepStrictEqual } from 'node:util';
import { DomainError } from '../common/problem/domain-error';
import type { Actor } from '../common/request-context';
import type { Tx } from '../database/transaction';
import type { LockedDeployment } from '../deployments/deployments.repository';
import type { ContainerSpec } from '../engines/container-spec';
import type { AskedRoute } from '../routing/hosts/asked-route';
import { RoutesService } from '../routing/routes.service';
import type { Wanted } from './change.types';
import { StoredStateRepository } from './stored-state.repository';

interface Wishes {
  readonly before: Wanted;
  readonly wanted: Wanted;
}

/** The routes of a deployment that is changed. They follow what is wanted at once, also while a rollout is under way. */
@Injectable()
export class RouteChanges {
  constructor(
    private readonly routes: RoutesService,
    private readonly states: StoredStateRepository,
  ) {}

  /**
   * Throws what `RoutesService.requireRoutes` throws, and `validation_failed` when the ports go of which the routes were to stay, or when a
   * replica that runs would not have the port of a route.
   */
  async apply(tx: Tx, deployment: LockedDeployment, wishes: Wishes, actor: Actor): Promise<void> {
    if (!concerns(wishes)) return;
    requirePorts(wishes);
    const { spec } = wishes.wanted;
    await this.routes.replaceRoutes(tx, { ...deployment, ports: spec.container.ports }, spec.routes, rightsOf(wishes, actor));
    await this.requirePortsInUse(tx, deployment, wishes);
  }

  /** Throws what `apply` would throw, and writes nothing. */
  async require(tx: Tx, deployment: LockedDeployment, wishes: Wishes, actor: Actor): Promise<void> {
    if (!concerns(wishes)) return;
    requirePorts(wishes);
    const { spec } = wishes.wanted;
    await this.routes.requireRoutes(tx, { ...deployment, ports: spec.container.ports }, spec.routes, rightsOf(wishes, actor));
    await this.requirePortsInUse(tx, deployment, wishes);
  }

  /**
   * Routes change at once, and replicas one by one, perhaps back again. A port that not all of them have would answer nothing until the new
   * ones serve, and never after a way back.
   */
  private async requirePortsInUse(tx: Tx, { id, status }: LockedDeployment, wishes: Wishes): Promise<void> {
    const { routes } = wishes.wanted.spec;
    if (status !== 'running' || routes.length === 0 || !areOthers(wishes)) return;
    const inUse = await this.states.portsInUse(tx, id);
    const errors = routes.flatMap(({ port }, index) => {
      const lacking = inUse.find(({ ports }) => !ports.includes(port));
      return lacking === undefined ? [] : [{ pointer: `/routes/${index}/port`, detail: notYetWords(port, lacking.revision) }];
    });
    const [first] = errors;
    if (first) throw new DomainError('validation_failed', `${first.detail}.`, { errors });
  }
}

const areOthers = ({ before, wanted }: Wishes): boolean => !isDeepStrictEqual(before.spec.routes, wanted.spec.routes);

/** Other ports may leave a route without one. */
const concerns = (wishes: Wishes): boolean =>
  areOthers(wishes) || !isDeepStrictEqual(wishes.before.spec.container.ports, wishes.wanted.spec.container.ports);

const notYetWords = (port: number, revision: number): string =>
  `port must be one that every replica has which runs, and revision ${revision} does not publish ${port}; ` +
  'change ports first, and routes when that is rolled out';

/** The ports of routes that a container does not publish as tcp. */
export function unpublishedPorts(routes: readonly Pick<AskedRoute, 'port'>[], { ports }: Pick<ContainerSpec, 'ports'>): number[] {
  const tcp = new Set(ports.filter(({ protocol }) => protocol === 'tcp').map(({ containerPort }) => containerPort));
  return [...new Set(routes.map(({ port }) => port).filter((port) => !tcp.has(port)))];
}

/** Who changes only the ports is told of the routes, which the request does not show. */
function requirePorts(wishes: Wishes): void {
  if (areOthers(wishes)) return;
  const { routes, container } = wishes.wanted.spec;
  const lost = unpublishedPorts(routes, container);
  if (lost.length === 0) return;
  const detail = `ports must keep ${lost.join(', ')} as tcp, to which routes of the deployment lead; change routes in the same request to drop it`;
  throw new DomainError('validation_failed', `${detail}.`, { errors: [{ pointer: '/ports', detail }] });
}

/** A host that an administrator has given stays, whoever changes the rest. */
const rightsOf = (wishes: Wishes, { isAdmin }: Actor): { readonly isAdmin: boolean } => ({ isAdmin: isAdmin || !areOthers(wishes) });
