import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit } from '../../audit/audit';
import { DomainError } from '../../common/problem/domain-error';
import type { RequestContext } from '../../common/request-context';
import { AppConfig } from '../../config/app-config';
import { inTransaction, type Tx } from '../../database/transaction';
import { IdempotencyService } from '../../idempotency/idempotency.service';
import { JobQueue } from '../../jobs/job-queue';
import { isCapacityTaken } from '../../nodes/nodes.repository';
import { shortfallText } from '../../scheduling/explain';
import { DeploymentsRepository, type LockedDeployment } from '../deployments.repository';
import { wantsReplicas } from '../domain/deployment-status';
import { replicaFaults } from '../domain/limits';
import { DeploymentAcceptedDto } from '../dto/deployment-accepted.dto';
import { PlacementService } from '../placement/placement.service';
import { Quota } from '../quota';
import { requireLive } from '../refusals';
import { ReplicaEnding } from './replica-ending';
import { ReplicasRepository, type Census } from '../replicas.repository';

/** Changes how many replicas are wanted. Up: places and reserves before it answers. Down: ends the oldest. */
@Injectable()
export class ScaleService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
    private readonly deployments: DeploymentsRepository,
    private readonly replicas: ReplicasRepository,
    private readonly ending: ReplicaEnding,
    private readonly placements: PlacementService,
    private readonly jobs: JobQueue,
    private readonly idempotency: IdempotencyService,
    private readonly audit: Audit,
    private readonly quota: Quota,
  ) {}

  /** Throws `not_found`, `invalid_state`, and `insufficient_nodes` when not all of the new replicas fit: nothing changes then. */
  async scale(id: string, target: number, context: RequestContext): Promise<DeploymentAcceptedDto> {
    const errors = replicaFaults(this.config, target);
    if (errors.length > 0) throw new DomainError('validation_failed', 'The number of replicas exceeds the configured limit', { errors });
    return inTransaction(
      this.dataSource,
      async (tx, attempt) => {
        const deployment = this.requireScalable(await this.deployments.lock(tx, id, context.actor), id, context);
        const census = wantsReplicas(deployment.status) ? await this.replicas.census(tx, deployment) : null;
        const message = await this.apply(tx, deployment, census, target, context, attempt);
        const body = DeploymentAcceptedDto.of(id, deployment.status, target, message);
        await this.idempotency.storeAnswer(tx, context, { status: 200, body });
        return body;
      },
      { retryOn: isCapacityTaken },
    );
  }

  private requireScalable(locked: LockedDeployment | null, id: string, { actor }: RequestContext): LockedDeployment {
    const deletedToItsOwner = locked?.status === 'deleted' && (actor.isAdmin || locked.userId === actor.userId);
    const deployment = deletedToItsOwner ? locked : requireLive(locked, id);
    if (deployment.status === 'failed' || deployment.status === 'deleted') {
      throw new DomainError('invalid_state', `Cannot scale deployment in ${deployment.status} state`);
    }
    return deployment;
  }

  private async apply(
    tx: Tx,
    deployment: LockedDeployment,
    census: Census | null,
    target: number,
    context: RequestContext,
    attempt: number,
  ): Promise<string> {
    const current = census?.live ?? deployment.targetReplicas;
    if (target === current && target === deployment.targetReplicas) return `Deployment already at ${target} replicas`;
    await this.quota.require(tx, { userId: deployment.userId, deployments: 0, replicas: target - deployment.targetReplicas });
    if (census) {
      if (target > current) await this.placeMore(tx, deployment, census, target - current, attempt);
      if (target < current) await this.ending.end(tx, deployment.id, { reason: 'Scaled down', limit: current - target });
      // From now on the live replicas are exactly the wanted ones, so no failed one waits for a replacement any more.
      await this.replicas.supersede(tx, census.failedIds);
    }
    const { reason, message } = words(current, target);
    await this.deployments.changeStatus(tx, deployment, {
      to: deployment.status,
      reason,
      changedBy: context.actor.userId,
      requestId: context.requestId,
      targetReplicas: target,
    });
    await this.jobs.enqueue(tx, [{ kind: 'deployment.reconcile', key: deployment.id }]);
    await this.audit.record(tx, context, {
      action: 'deployment.scale',
      resourceType: 'deployment',
      resourceId: deployment.id,
      before: { replicas: deployment.targetReplicas },
      after: { replicas: target },
    });
    return message;
  }

  private async placeMore(tx: Tx, deployment: LockedDeployment, census: Census, count: number, attempt: number): Promise<void> {
    const order = { count, cause: 'scale', generation: deployment.generation, own: census.liveByNode } as const;
    const placement = await this.placements.place(tx, deployment, order, attempt);
    if (placement.shortfall === null) return;
    // Clients compare the sentence of the contract, so what was short goes beside it.
    const [detail = '', ...shortages] = shortfallText('Insufficient nodes for scale-up', placement).split('; ');
    throw new DomainError('insufficient_nodes', detail, { members: { shortages } });
  }
}

function words(current: number, target: number): { reason: string; message: string } {
  if (target > current) {
    const added = target - current;
    return {
      reason: `Scaled up from ${current} to ${target} replicas (${added} added)`,
      message: `Scaled up to ${target} replicas (${added} added)`,
    };
  }
  if (target < current) {
    const removed = current - target;
    return {
      reason: `Scaled down from ${current} to ${target} replicas (${removed} removed)`,
      message: `Scaled down to ${target} replicas (${removed} removed)`,
    };
  }
  return { reason: `Target set to ${target} replicas`, message: `Deployment already at ${target} replicas` };
}
