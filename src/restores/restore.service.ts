import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import { violatedConstraint } from '../database/postgres-error';
import { afterCommit, inTransaction, type Tx } from '../database/transaction';
import { DeploymentMetrics } from '../deployments/deployment-metrics';
import { restoredStatus, type RestoredStatus } from '../deployments/domain/deployment-status';
import { deploymentNotFound } from '../deployments/refusals';
import { PlacementService } from '../deployments/placement/placement.service';
import { Quota } from '../deployments/quota';
import { RestorationRepository, type RestorationCandidate } from './restoration.repository';
import { IdempotencyService } from '../idempotency/idempotency.service';
import { JobQueue } from '../jobs/job-queue';
import { isCapacityTaken } from '../nodes/nodes.repository';
import type { RestoredDto } from './dto/restore.dto';
import { ImageCheck } from './image-check';
import { imageUnavailable, nameTaken, notDeleted } from './refusals';
import { replicasToPlace } from './replicas-to-place';

/** Brings a deleted deployment back with everything that it was, as a new generation; or refuses in words and changes nothing. */
@Injectable()
export class RestoreService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly restorations: RestorationRepository,
    private readonly placements: PlacementService,
    private readonly quota: Quota,
    private readonly images: ImageCheck,
    private readonly jobs: JobQueue,
    private readonly idempotency: IdempotencyService,
    private readonly audit: Audit,
    private readonly metrics: DeploymentMetrics,
  ) {}

  /**
   * Throws `not_found`, `not_deleted`, `name_taken`, `image_unavailable`, `quota_exceeded` and `insufficient_capacity`.
   * Engines are asked for the image before the transaction; places are taken in it, so a restored deployment has them.
   */
  async restore(id: string, name: string | null, context: RequestContext): Promise<RestoredDto> {
    const seen = await this.look(id, name, context);
    try {
      return await inTransaction(this.dataSource, (tx, attempt) => this.restoreIn(tx, id, name, context, attempt), {
        retryOn: isCapacityTaken,
      });
    } catch (error) {
      if (violatedConstraint(error) === 'uq_deployments_live_name') throw nameTaken(name ?? seen.name);
      throw error;
    }
  }

  /** Throws what a restore would throw for the deployment's state, name and image. Engines are asked; nothing is written. */
  async look(id: string, name: string | null, { actor }: Pick<RequestContext, 'actor'>): Promise<RestorationCandidate> {
    const seen = await inTransaction(this.dataSource, (tx) => this.require(tx, id, { name, lock: false, actor }));
    if ((await this.images.state(seen)) === 'unavailable') throw imageUnavailable(seen.image);
    return seen;
  }

  /** The same in the caller's transaction, without a look at the image. May throw what `isCapacityTaken` recognises. */
  async restoreIn(tx: Tx, id: string, name: string | null, context: RequestContext, attempt: number): Promise<RestoredDto> {
    const deployment = await this.require(tx, id, { name, lock: true, actor: context.actor });
    await this.quota.require(tx, { userId: deployment.userId, deployments: 1, replicas: deployment.targetReplicas });
    const to = restoredStatus(deployment.statusBefore);
    const warm = to === 'scheduled' ? deployment.warmReplicaIds.length : 0;
    const reason = `Restored by user: ${warm} of ${deployment.targetReplicas} replicas kept warm`;
    const { actor, requestId } = context;
    const restoration = { name: name ?? deployment.name, to, reason, changedBy: actor.userId, requestId };
    const { generation } = await this.restorations.restore(tx, deployment, restoration);
    await this.placeRest(tx, { ...deployment, generation }, attempt);
    afterCommit(tx, () => this.metrics.countDeletion('restored'));
    await this.jobs.enqueue(tx, [{ kind: 'deployment.reconcile', key: id }]);
    await this.audit.record(tx, context, {
      action: 'deployment.restore',
      resourceType: 'deployment',
      resourceId: id,
      before: { status: 'deleted', name: deployment.name, generation: deployment.generation },
      after: { status: to, name: restoration.name, generation, replicas_warm: warm },
    });
    const body = answerOf({ ...deployment, name: restoration.name }, to, generation, warm);
    await this.idempotency.storeAnswer(tx, context, { status: 202, body, location: `/api/deployment/status/${id}` });
    return body;
  }

  private async require(
    tx: Tx,
    id: string,
    { actor, name, lock }: { actor: Actor; name: string | null; lock: boolean },
  ): Promise<RestorationCandidate> {
    const deployment = await this.restorations.find(tx, id, { actor, name, lock });
    if (!deployment) throw deploymentNotFound(id);
    if (deployment.status !== 'deleted') throw notDeleted(deployment.status);
    if (deployment.nameTaken) throw nameTaken(name ?? deployment.name);
    return deployment;
  }

  private async placeRest(tx: Tx, deployment: RestorationCandidate, attempt: number): Promise<void> {
    const count = replicasToPlace(deployment);
    if (count === 0) return;
    const { generation, revision } = deployment;
    const placement = await this.placements.place(tx, deployment, { count, cause: 'restore', generation, revision }, attempt);
    if (placement.shortfall !== null) throw new DomainError('insufficient_capacity', placement.shortfall);
  }
}

function answerOf(deployment: RestorationCandidate, to: RestoredStatus, generation: number, warm: number): RestoredDto {
  const { id, name, targetReplicas } = deployment;
  const message =
    to === 'stopped'
      ? `Deployment restored as it was: stopped. POST /api/deployment/${id}/start starts it.`
      : `Deployment restored; ${targetReplicas} replicas are starting. Use /status/${id} to track progress.`;
  return { success: true, deployment_id: id, name, status: to, generation, replicas: targetReplicas, replicas_warm: warm, message };
}
