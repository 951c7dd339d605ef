import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit } from '../../audit/audit';
import { DomainError } from '../../common/problem/domain-error';
import type { RequestContext } from '../../common/request-context';
import { inTransaction, type Tx } from '../../database/transaction';
import { IdempotencyService } from '../../idempotency/idempotency.service';
import { JobQueue } from '../../jobs/job-queue';
import { DeploymentsRepository, type LockedDeployment } from '../deployments.repository';
import type { DeploymentStatus } from '../domain/deployment-status';
import { DeploymentAcceptedDto } from '../dto/deployment-accepted.dto';
import { requireLive } from '../refusals';
import { ReplicaEnding } from './replica-ending';

/** What a user may do between running and stopped: from where, to where. A subset of the table of transitions. */
const VERBS = {
  stop: { from: ['pending', 'scheduled', 'running'], to: 'stopped' },
  start: { from: ['stopped'], to: 'pending' },
  retry: { from: ['failed'], to: 'pending' },
} as const satisfies Record<string, { from: readonly DeploymentStatus[]; to: DeploymentStatus }>;

export type LifecycleVerb = keyof typeof VERBS;

/** Stop, start and retry. Start and retry begin a new generation, so replicas of the past no longer count. */
@Injectable()
export class LifecycleService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly deployments: DeploymentsRepository,
    private readonly ending: ReplicaEnding,
    private readonly jobs: JobQueue,
    private readonly idempotency: IdempotencyService,
    private readonly audit: Audit,
  ) {}

  /** Throws `not_found`, and `invalid_state` when the verb does not fit the status. */
  apply(verb: LifecycleVerb, id: string, context: RequestContext): Promise<DeploymentAcceptedDto> {
    const { to } = VERBS[verb];
    return inTransaction(this.dataSource, async (tx) => {
      const deployment = requireLive(await this.deployments.lock(tx, id, context.actor), id);
      requireVerb(deployment, verb);
      const { reason, message } = verb === 'stop' ? await this.stop(tx, deployment) : queued(verb, id);
      await this.deployments.changeStatus(tx, deployment, {
        to,
        reason,
        changedBy: context.actor.userId,
        requestId: context.requestId,
        newGeneration: verb !== 'stop',
      });
      await this.jobs.enqueue(tx, [{ kind: 'deployment.reconcile', key: id }]);
      await this.audit.record(tx, context, {
        action: `deployment.${verb}`,
        resourceType: 'deployment',
        resourceId: id,
        before: { status: deployment.status },
        after: { status: to },
      });
      const body = DeploymentAcceptedDto.of(id, to, deployment.targetReplicas, message);
      await this.idempotency.storeAnswer(tx, context, { status: 202, body });
      return body;
    });
  }

  private async stop(tx: Tx, deployment: LockedDeployment): Promise<{ reason: string; message: string }> {
    const { stoppingIds } = await this.ending.end(tx, deployment.id, { reason: 'Deployment stopped' });
    return {
      reason: `Stopped by user: stopping ${stoppingIds.length} replicas`,
      message: `Deployment stopped; ${stoppingIds.length} replicas are stopping`,
    };
  }
}

function requireVerb(deployment: LockedDeployment, verb: LifecycleVerb): void {
  const from: readonly DeploymentStatus[] = VERBS[verb].from;
  if (from.includes(deployment.status)) return;
  throw new DomainError('invalid_state', `Cannot ${verb} deployment in ${deployment.status} state`);
}

function queued(verb: 'start' | 'retry', id: string): { reason: string; message: string } {
  return { reason: verb === 'start' ? 'Started by user' : 'Retried by user', message: DeploymentAcceptedDto.queuedMessage(id) };
}
