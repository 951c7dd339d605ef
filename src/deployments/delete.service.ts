import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import { inTransaction } from '../database/transaction';
import { IdempotencyService } from '../idempotency/idempotency.service';
import { JobQueue } from '../jobs/job-queue';
import { DeploymentMetrics } from './deployment-metrics';
import { DeploymentsRepository, type LockedDeployment } from './deployments.repository';
import { DeletionAnswerDto } from './dto/deletion-answer.dto';
import { ReplicaEnding } from './replica-ending';
import { TeardownWatch, type TeardownState } from './teardown-watch';

/** A decided deletion: which replicas the engines have been asked to stop, and since when it counts as deleted. */
interface Decision {
  readonly deletedAt: Date;
  readonly stoppingIds: readonly string[];
}

/**
 * Deletes a deployment. One transaction decides it: all or nothing, no engine is called inside. The teardown that follows
 * is the reconciler's; this service only waits for it and tells what is true so far.
 */
@Injectable()
export class DeleteService {
  private readonly logger = new Logger(DeleteService.name);

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly deployments: DeploymentsRepository,
    private readonly ending: ReplicaEnding,
    private readonly jobs: JobQueue,
    private readonly idempotency: IdempotencyService,
    private readonly teardowns: TeardownWatch,
    private readonly metrics: DeploymentMetrics,
  ) {}

  /** Throws `not_found` and `already_deleted`. Waits up to `waitSeconds` for the teardown; `complete` says if it ended. */
  async delete(id: string, waitSeconds: number, context: RequestContext): Promise<{ complete: boolean; answer: DeletionAnswerDto }> {
    const decision = await this.metrics.timeDecision(() => this.decide(id, context));
    const teardown = await this.follow(id, decision, waitSeconds * 1000);
    return { complete: teardown.complete, answer: DeletionAnswerDto.of(id, decision.deletedAt, teardown) };
  }

  /** The decision has been committed: whatever happens while we watch, the answer may no longer say that it failed. */
  private async follow(id: string, decision: Decision, timeoutMs: number): Promise<TeardownState> {
    try {
      return await this.teardowns.wait(id, decision.stoppingIds, timeoutMs);
    } catch (error) {
      this.logger.warn(`The teardown of ${id} could not be followed: ${String(error)}`);
      return undone(decision);
    }
  }

  private decide(id: string, context: RequestContext): Promise<Decision> {
    return inTransaction(this.dataSource, async (tx) => {
      const deployment = this.requireDeletable(await this.deployments.lock(tx, id, context.actor));
      const { stoppingIds } = await this.ending.end(tx, id, { reason: 'Deployment deleted' });
      const { at: deletedAt } = await this.deployments.changeStatus(tx, deployment, {
        to: 'deleted',
        reason: `User deletion: stopped ${stoppingIds.length} replicas, released resources`,
        changedBy: context.actor.userId,
        requestId: context.requestId,
      });
      await this.jobs.enqueue(tx, [{ kind: 'deployment.reconcile', key: id }]);
      const decision = { deletedAt, stoppingIds };
      await this.idempotency.storeAnswer(tx, context, { status: 202, body: DeletionAnswerDto.of(id, deletedAt, undone(decision)) });
      return decision;
    });
  }

  private requireDeletable(deployment: LockedDeployment | null): LockedDeployment {
    if (!deployment) throw new DomainError('not_found', 'Deployment not found or access denied');
    if (deployment.status === 'deleted') {
      throw new DomainError('already_deleted', 'Deployment already deleted', {
        members: { deployment_id: deployment.id, deleted_at: deployment.deletedAt?.toISOString() },
      });
    }
    return deployment;
  }
}

/** What is certain right after the decision. */
const undone = ({ stoppingIds }: Decision): TeardownState => ({
  complete: false,
  stopped: 0,
  stopping: stoppingIds.length,
  released: false,
});
