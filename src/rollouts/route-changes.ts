import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/problem/domain-error';
import type { Actor } from '../common/request-context';
import type { Tx } from '../database/transaction';
import type { LockedDeployment } from '../deployments/deployments.repository';
import { hashOf } from '../deployments/spec/asked-spec';
import { RoutesService } from '../routing/routes.service';
import type { Wanted } from './change.types';

interface Wishes {
  readonly before: Wanted;
  readonly wanted: Wanted;
}

/** The routes of a deployment that is changed. They follow what is wanted at once, also while a rollout is under way. */
@Injectable()
export class RouteChanges {
  constructor(private readonly routes: RoutesService) {}

  /** Throws what `RoutesService.requireRoutes` throws, and `validation_failed` when the ports go of which the routes were to stay. */
  async apply(tx: Tx, deployment: LockedDeployment, wishes: Wishes, actor: Actor): Promise<void> {
    if (!concerns(wishes)) return;
    requirePorts(wishes);
    const { spec } = wishes.wanted;
    await this.routes.replaceRoutes(tx, { ...deployment, ports: spec.container.ports }, spec.routes, rightsOf(wishes, actor));
  }

  /** Throws what `apply` would throw, and writes nothing. */
  async require(tx: Tx, deployment: LockedDeployment, wishes: Wishes, actor: Actor): Promise<void> {
    if (!concerns(wishes)) return;
    requirePorts(wishes);
    const { spec } = wishes.wanted;
    await this.routes.requireRoutes(tx, { ...deployment, ports: spec.container.ports }, spec.routes, rightsOf(wishes, actor));
  }
}

const areOthers = ({ before, wanted }: Wishes): boolean => hashOf(before.spec.routes) !== hashOf(wanted.spec.routes);

/** Other ports may leave a route without one. */
const concerns = (wishes: Wishes): boolean =>
  areOthers(wishes) || hashOf(wishes.before.spec.container.ports) !== hashOf(wishes.wanted.spec.container.ports);

/** Who changes only the ports is told of the routes, which the request does not show. */
function requirePorts(wishes: Wishes): void {
  if (areOthers(wishes)) return;
  const { routes, container } = wishes.wanted.spec;
  const tcp = new Set(container.ports.filter(({ protocol }) => protocol === 'tcp').map(({ containerPort }) => containerPort));
  const lost = [...new Set(routes.map(({ port }) => port).filter((port) => !tcp.has(port)))];
  if (lost.length === 0) return;
  const detail = `ports must keep ${lost.join(', ')} as tcp, to which routes of the deployment lead; change routes in the same request to drop it`;
  throw new DomainError('validation_failed', `${detail}.`, { errors: [{ pointer: '/ports', detail }] });
}

/** A host that an administrator has given stays, whoever changes the rest. */
const rightsOf = (wishes: Wishes, { isAdmin }: Actor): { readonly isAdmin: boolean } => ({ isAdmin: isAdmin || !areOthers(wishes) });
