import { Injectable } from '@nestjs/common';
import { Commands } from '../../commands/commands';
import { DomainError } from '../../common/problem/domain-error';
import type { RequestContext } from '../../common/request-context';
import type { Tx } from '../../database/transaction';
import { DeploymentsRepository, type LockedDeployment } from '../deployments.repository';
import type { DeploymentStatus } from '../domain/deployment-status';
import { requireMatch } from '../etag';
import { requireLive } from '../refusals';
import { ReplicaEnding } from './replica-ending';
import { RolloutsRepository } from '../rollouts.repository';

/** The status changes that each verb makes: a subset of the state machine's table. */
const VERBS = {
  stop: { from: ['pending', 'scheduled', 'running'], to: 'stopped' },
  start: { from: ['stopped'], to: 'pending' },
  retry: { from: ['failed'], to: 'pending' },
} as const satisfies Record<string, { from: readonly DeploymentStatus[]; to: DeploymentStatus }>;

export type LifecycleVerb = keyof typeof VERBS;

export interface LifecycleChanged {
  readonly verb: LifecycleVerb;
  readonly id: string;
  readonly status: DeploymentStatus;
  readonly targetReplicas: number;
  /** How many replicas an engine still has to stop. */
  readonly stopping: number;
}

/** Stop, start and retry. Start and retry begin a new generation, so replicas of earlier ones no longer count. */
@Injectable()
export class LifecycleService {
  constructor(
    private readonly commands: Commands,
    private readonly deployments: DeploymentsRepository,
    private readonly ending: ReplicaEnding,
    private readonly rollouts: RolloutsRepository,
  ) {}

  /** Throws `not_found`, `invalid_state` when the verb does not fit the status, and `precondition_failed`. */
  apply(verb: LifecycleVerb, id: string, context: RequestContext): Promise<LifecycleChanged> {
    const { to } = VERBS[verb];
    return this.commands.run(context, async (tx) => {
      const deployment = requireLive(await this.deployments.lock(tx, id, context.actor), id);
      requireVerb(deployment, verb);
      requireMatch(context, deployment.version);
      const { stopping, reason } = await this.carryOut(tx, verb, deployment);
      await this.deployments.changeStatus(tx, deployment, {
        to,
        reason,
        changedBy: context.actor.userId,
        requestId: context.requestId,
        newGeneration: verb !== 'stop',
      });
      return {
        outcome: { verb, id, status: to, targetReplicas: deployment.targetReplicas, stopping },
        audit: {
          action: `deployment.${verb}`,
          resourceType: 'deployment',
          resourceId: id,
          before: { status: deployment.status },
          after: { status: to },
        },
        jobs: [{ kind: 'deployment.reconcile', key: id }],
      };
    });
  }

  /** A stop ends the replicas at once; for start and retry the reconciler does everything. */
  private async carryOut(
    tx: Tx,
    verb: LifecycleVerb,
    { id, openRollout }: LockedDeployment,
  ): Promise<{ stopping: number; reason: string }> {
    if (verb !== 'stop') return { stopping: 0, reason: verb === 'start' ? 'Started by user' : 'Retried by user' };
    if (openRollout !== null) await this.rollouts.stop(tx, id);
    const { stoppingIds } = await this.ending.end(tx, id, { reason: 'Deployment stopped' });
    return { stopping: stoppingIds.length, reason: `Stopped by user: stopping ${stoppingIds.length} replicas` };
  }
}

function requireVerb(deployment: LockedDeployment, verb: LifecycleVerb): void {
  const from: readonly DeploymentStatus[] = VERBS[verb].from;
  if (from.includes(deployment.status)) return;
  throw new DomainError('conflict', `Cannot ${verb} deployment in ${deployment.status} state`);
}
