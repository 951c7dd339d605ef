import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { AuditEntry } from '../audit/audit';
import { Commands } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import { violatedConstraint } from '../database/postgres-error';
import { afterCommit, inTransaction, type Tx } from '../database/transaction';
import { DeploymentMetrics } from '../deployments/deployment-metrics';
import { restoredStatus, type RestoredStatus } from '../deployments/domain/deployment-status';
import { requireMatch } from '../deployments/etag';
import { deploymentNotFound } from '../deployments/refusals';
import { PlacementService } from '../deployments/placement/placement.service';
import { Quota } from '../deployments/quota';
import { QuotaRoom } from '../deployments/quota-room';
import { VolumeClaims } from '../deployments/volumes/volume-claims.service';
import { relyOnRole } from '../rights/acts';
import { requireRole } from '../rights/rights';
import { RoutesRepository } from '../routing/routes.repository';
import { RestorationRepository, type RestorationCandidate } from './restoration.repository';
import type { JobWish } from '../jobs/job-kinds';
import { isCapacityTaken } from '../nodes/nodes.repository';
import { ImageCheck } from './image-check';
import { imageUnavailable, nameTaken, notDeleted, projectGone } from './refusals';
import { replicasToPlace, restoreDemand } from './replicas-to-place';

/** Which deployment to restore, and under which name; null means its own. */
export interface RestoreOrder {
  readonly id: string;
  readonly name: string | null;
}

/** A deployment that has been restored. */
export interface Restored {
  readonly id: string;
  readonly name: string;
  readonly status: RestoredStatus;
  readonly generation: number;
  readonly replicas: number;
  /** How many of the replicas go on in containers that were kept warm. */
  readonly warmReplicas: number;
  /** The host and path of each route that others have taken since the deletion. */
  readonly lostRoutes: readonly string[];
}

/** A restore in the caller's transaction, with the audit entries and wishes that the caller has to write. */
export interface DecidedRestore {
  readonly outcome: Restored;
  readonly audit: AuditEntry;
  readonly jobs: readonly JobWish[];
}

/** Brings a deleted deployment back with everything that it had, as a new generation, or refuses and changes nothing. */
@Injectable()
export class RestoreService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly commands: Commands,
    private readonly restorations: RestorationRepository,
    private readonly placements: PlacementService,
    private readonly quota: Quota,
    private readonly quotas: QuotaRoom,
    private readonly images: ImageCheck,
    private readonly routes: RoutesRepository,
    private readonly metrics: DeploymentMetrics,
    private readonly volumes: VolumeClaims,
  ) {}

  /**
   * Throws `not_found`, `role_required`, `not_deleted`, `precondition_failed`, `conflict`, `name_taken`, `image_unavailable`,
   * `quota_exceeded`, `volume_in_use` and `insufficient_capacity`. Engines are asked for the image before the transaction. Nodes
   * are chosen inside of it, so a restored deployment has places.
   */
  async restore(order: RestoreOrder, context: RequestContext): Promise<Restored> {
    const seen = await this.look(order, context);
    try {
      const work = (tx: Tx, attempt: number): Promise<DecidedRestore> => this.restoreIn(tx, { ...order, attempt }, context);
      return await this.commands.run(context, work, { retryOn: isCapacityTaken });
    } catch (error) {
      if (violatedConstraint(error) === 'uq_deployments_live_name') throw nameTaken(order.name ?? seen.name);
      throw error;
    }
  }

  /** Throws what a restore would throw because of the deployment's state, name and image. Asks engines; writes nothing. */
  async look(order: RestoreOrder, context: Pick<RequestContext, 'actor' | 'ifMatch'>): Promise<RestorationCandidate> {
    const seen = await inTransaction(this.dataSource, (tx) => this.require(tx, { ...order, lock: false }, context));
    if ((await this.images.state(seen)) === 'unavailable') throw imageUnavailable(seen.image);
    return seen;
  }

  /** The same in the caller's transaction, without asking for the image. May throw what `isCapacityTaken` recognises. */
  async restoreIn(
    tx: Tx,
    { id, name, attempt }: RestoreOrder & { readonly attempt: number },
    context: RequestContext,
  ): Promise<DecidedRestore> {
    const deployment = await this.require(tx, { id, name, lock: true }, context);
    await this.quota.require(tx, restoreDemand(deployment, context.actor));
    await this.volumes.reclaim(tx, deployment, { lock: true });
    const status = restoredStatus(deployment.statusBefore);
    const warmReplicas = status === 'scheduled' ? deployment.warmReplicaIds.length : 0;
    const lost = await this.routes.restore(tx, deployment);
    const without = lost.length === 0 ? '' : `; others have its routes ${lost.join(', ')} now`;
    const reason = `Restored by user: ${warmReplicas} of ${deployment.targetReplicas} replicas kept warm${without}`;
    const { actor, requestId } = context;
    const restoration = { name: name ?? deployment.name, to: status, reason, changedBy: actor.userId, requestId };
    const { generation } = await this.restorations.restore(tx, deployment, restoration);
    await this.placeRest(tx, { ...deployment, generation }, attempt);
    afterCommit(tx, () => this.metrics.countDeletion('restored'));
    return {
      outcome: { id, name: restoration.name, status, generation, replicas: deployment.targetReplicas, warmReplicas, lostRoutes: lost },
      audit: {
        action: 'deployment.restore',
        resourceType: 'deployment',
        resourceId: id,
        before: { status: 'deleted', name: deployment.name, generation: deployment.generation },
        after: { status, name: restoration.name, generation, replicas_warm: warmReplicas },
      },
      jobs: [{ kind: 'deployment.reconcile', key: id }],
    };
  }

  private async require(
    tx: Tx,
    { id, name, lock }: RestoreOrder & { readonly lock: boolean },
    { actor, ifMatch }: Pick<RequestContext, 'actor' | 'ifMatch'>,
  ): Promise<RestorationCandidate> {
    const deployment = await this.restorations.find(tx, id, { actor, name, lock });
    if (!deployment) throw deploymentNotFound(id);
    requireRole(deployment.role, 'deployment.change');
    if (lock) relyOnRole(tx, { projectId: deployment.projectId, act: 'deployment.change' }, actor);
    if (deployment.status !== 'deleted') throw notDeleted(deployment.status);
    requireMatch({ ifMatch }, deployment.version);
    if (deployment.lostProject !== null) throw projectGone(deployment.lostProject);
    if (deployment.nameTaken) throw nameTaken(name ?? deployment.name);
    return deployment;
  }

  private async placeRest(tx: Tx, deployment: RestorationCandidate, attempt: number): Promise<void> {
    const count = replicasToPlace(deployment);
    if (count === 0) return;
    // Where quotas leave no room beside the replicas from before the deletion, the reconciler places them once enough of these are gone.
    const { heldReplicas, warmReplicaIds, resources } = deployment;
    if (heldReplicas > warmReplicaIds.length && !(await this.quotas.hasRoom(tx, deployment, { count, resources }))) return;
    const { generation, revision, currentRollout: rollout } = deployment;
    const placement = await this.placements.place(tx, deployment, { count, cause: 'restore', generation, revision, rollout }, attempt);
    // What its volumes wait for passes by itself, and the reconciler places it then.
    if (placement.shortfall !== null && !placement.waits) throw new DomainError('insufficient_capacity', placement.shortfall);
  }
}
