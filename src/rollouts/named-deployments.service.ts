import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Commands, type Decided } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import { violatedConstraint } from '../database/postgres-error';
import { inTransaction, type Tx } from '../database/transaction';
import { DeployService } from '../deployments/commands/deploy.service';
import { DeploymentsRepository, type LockedDeployment } from '../deployments/deployments.repository';
import { requireMatch } from '../deployments/etag';
import { isCapacityTaken } from '../nodes/nodes.repository';
import { ProjectAccess } from '../rights/project-access';
import { ChangeApplier } from './change-applier';
import { ChangePreviews, type ChangePreview } from './change-previews';
import type { Changed, Wanted } from './change.types';
import { StoredStateRepository } from './stored-state.repository';
import { wantedNow } from './wanted';

/** A whole wish for the deployment of a name. */
export interface NamedOrder {
  readonly name: string;
  /** The name or id of its project; null: the personal one of who asks. */
  readonly project: string | null;
  readonly wanted: Wanted;
  /** The body says nothing of a protection, so the one that is there stays. */
  readonly keepsProtection: boolean;
}

/** Deployments of a project by their names. */
@Injectable()
export class NamedDeploymentsService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly commands: Commands,
    private readonly deploys: DeployService,
    private readonly deployments: DeploymentsRepository,
    private readonly states: StoredStateRepository,
    private readonly applier: ChangeApplier,
    private readonly previews: ChangePreviews,
    private readonly projects: ProjectAccess,
  ) {}

  /** The id of the live deployment with that name in the project. Throws `not_found`. */
  async idOf({ name, project }: Pick<NamedOrder, 'name' | 'project'>, actor: Actor): Promise<string> {
    const id = await inTransaction(this.dataSource, async (tx) => this.states.idOf(tx, await this.projects.look(tx, project, actor), name));
    if (id === null) throw new DomainError('not_found', `Deployment ${name} not found or access denied`);
    return id;
  }

  /**
   * Makes exactly what is wanted: creates the deployment or changes it. A failed one is scheduled again when its content or its placement
   * changes; a stopped one stays stopped. Of two requests that would create it one changes what the other has made. Throws what a deploy
   * and a change throw.
   */
  apply(order: NamedOrder, context: RequestContext): Promise<Changed> {
    this.deploys.requireLimits(order.wanted.spec);
    return this.commands.run(context, (tx, attempt) => this.applyIn(tx, order, { context, attempt }), {
      retryOn: (error) => isCapacityTaken(error) || violatedConstraint(error) === 'uq_deployments_live_name',
    });
  }

  /** What `apply` would do. Writes nothing. */
  preview(order: NamedOrder, context: Pick<RequestContext, 'actor' | 'ifMatch'>): Promise<ChangePreview> {
    return inTransaction(this.dataSource, async (tx) => {
      const { projectId, deployment } = await this.lock(tx, order, context.actor);
      requireSame(deployment, context);
      if (!deployment) return this.previews.ofNew(tx, order.wanted, { projectId, actor: context.actor });
      const now = await this.states.read(tx, deployment.id);
      const before = wantedNow(now);
      const asking = { actor: context.actor, retries: true };
      return this.previews.preview(tx, deployment, { before, wanted: completed(order, before), now }, asking);
    });
  }

  private async applyIn(
    tx: Tx,
    order: NamedOrder,
    { context, attempt }: { readonly context: RequestContext; readonly attempt: number },
  ): Promise<Decided<Changed>> {
    const { projectId, deployment } = await this.lock(tx, order, context.actor);
    requireSame(deployment, context);
    const action = 'deployment.apply';
    if (deployment) {
      const state = await this.states.read(tx, deployment.id);
      const before = wantedNow(state);
      const wishes = { before, wanted: completed(order, before), now: state };
      return this.applier.apply(tx, deployment, wishes, { context, attempt, action, retries: true });
    }
    const { spec, protectionReason } = order.wanted;
    const { outcome, ...told } = await this.deploys.deployIn(tx, spec, context, { projectId, protectionReason, action });
    const message = `Deployment created. Use /status/${outcome.id} to track progress.`;
    return { ...told, outcome: { id: outcome.id, result: 'created', status: 'pending', revision: 1, rollout: null, message } };
  }

  /** No deployment when there is none, or when it was deleted or moved away a moment ago. */
  private async lock(
    tx: Tx,
    { name, project }: NamedOrder,
    actor: Actor,
  ): Promise<{ projectId: string; deployment: LockedDeployment | null }> {
    const projectId = await this.projects.enter(tx, project, actor);
    const id = await this.states.idOf(tx, projectId, name);
    const found = id === null ? null : await this.deployments.lock(tx, id, actor);
    const isThere = found !== null && found.status !== 'deleted' && found.name === name && found.projectId === projectId;
    return { projectId, deployment: isThere ? found : null };
  }
}

/** What there is must match; where nothing is, nothing matches. */
function requireSame(deployment: LockedDeployment | null, context: Pick<RequestContext, 'ifMatch'>): void {
  if (deployment) requireMatch(context, deployment.version);
  else if (context.ifMatch !== null) throw new DomainError('precondition_failed', 'There is no deployment with this name');
}

function completed({ wanted, keepsProtection }: NamedOrder, before: Wanted): Wanted {
  if (wanted.spec.type === before.spec.type) {
    return keepsProtection ? { ...wanted, protectionReason: before.protectionReason } : wanted;
  }
  const detail = 'type cannot change; deploy another one in its place';
  throw new DomainError('validation_failed', `${detail}.`, { errors: [{ pointer: '/type', detail }] });
}
