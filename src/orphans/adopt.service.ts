import { Injectable } from '@nestjs/common';
import { Commands } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import type { Tx } from '../database/transaction';
import { violatedConstraint } from '../database/postgres-error';
import { Events } from '../events/events';
import { isCapacityTaken } from '../nodes/nodes.repository';
import { AppConfig } from '../config/app-config';
import { DeploymentsRepository, type LockedDeployment } from '../deployments/deployments.repository';
import { replicaFaults } from '../deployments/domain/limits';
import { Quota } from '../deployments/quota';
import { AdoptionRepository } from './adoption.repository';
import { auditedFacts } from './orphan-audit';
import { OrphanDecision, orphanNotFound, requireDecidable, type LockedOrphan } from './orphan-decision';
import { adoptObstacle, isFull, type Adoption } from './orphan-rules';
import type { OrphanView } from './orphan.types';
import { OrphansRepository } from './orphans.repository';

/**
 * Makes a container that no replica stands for a replica again, with its reservation, in one transaction. It begins as `starting`, so
 * that it counts as running, and gets requests, only when its engine has shown it once more.
 */
@Injectable()
export class AdoptService {
  constructor(
    private readonly config: AppConfig,
    private readonly commands: Commands,
    private readonly decision: OrphanDecision,
    private readonly orphans: OrphansRepository,
    private readonly adoption: AdoptionRepository,
    private readonly deployments: DeploymentsRepository,
    private readonly quota: Quota,
    private readonly events: Events,
  ) {}

  /**
   * Throws `not_found`, `validation_failed` for what is no container, `conflict`, `insufficient_capacity`, `quota_exceeded`,
   * `precondition_required` and `precondition_failed`; then nothing has changed.
   */
  async adopt(id: string, adoption: Adoption, context: RequestContext): Promise<OrphanView> {
    try {
      return await this.commands.run(context, async (tx) => {
        const locked = await this.decision.lock(tx, id, context);
        const { orphan } = locked;
        requireDecidable(orphan, adoptObstacle(orphan, adoption), context);
        const deploymentId = await this.carryOut(tx, locked, context);
        await this.orphans.decide(tx, id, 'adopted', context.actor.userId);
        const outcome = await this.orphans.lock(tx, id);
        if (!outcome) throw orphanNotFound();
        return {
          outcome,
          audit: {
            action: 'orphan.adopt',
            resourceType: 'orphan',
            resourceId: id,
            before: auditedFacts(orphan),
            after: { state: outcome.state, replica_id: orphan.replicaId },
          },
          jobs: [{ kind: 'deployment.reconcile', key: deploymentId }],
        };
      });
    } catch (error) {
      if (isCapacityTaken(error))
        throw new DomainError('insufficient_capacity', 'The node has no room for it, or takes no replicas any more');
      if (violatedConstraint(error) === 'pk_deployment_replicas')
        throw new DomainError('conflict', 'There is a replica with its id by now');
      throw error;
    }
  }

  private async carryOut(tx: Tx, { orphan, deployment }: LockedOrphan, context: RequestContext): Promise<string> {
    const { replicaId, nodeId, nodeName, subject, facts } = orphan;
    if (!deployment || replicaId === null || nodeId === null || !orphan.deployment) throw orphanNotFound();
    if (isFull(orphan.deployment)) await this.raiseTarget(tx, deployment, context);
    const { resources } = orphan.deployment.spec;
    const reason = `Adopted by an administrator on node ${nodeName ?? nodeId}`;
    const replica = { replicaId, nodeId, containerId: subject, imageDigest: facts.imageDigest ?? null, resources, reason };
    await this.adoption.add(tx, deployment, replica);
    await this.events.record(tx, [
      { type: 'fog.deployment.adopted', deploymentId: deployment.id, data: { replica_id: replicaId, node_id: nodeId, reason } },
    ]);
    return deployment.id;
  }

  private async raiseTarget(tx: Tx, deployment: LockedDeployment, { actor, requestId }: RequestContext): Promise<void> {
    const [from, to] = [deployment.targetReplicas, deployment.targetReplicas + 1];
    const errors = replicaFaults(this.config, to);
    if (errors.length > 0) throw new DomainError('conflict', 'Its deployment has as many replicas as the configured limit allows');
    const reason = `Scaled up from ${from} to ${to} replicas (1 added)`;
    const { status } = deployment;
    const change = { to: status, reason, changedBy: actor.userId, requestId, targetReplicas: to };
    await this.quota.growing(tx, { deployment, asker: actor }, () => this.deployments.changeStatus(tx, deployment, change));
  }
}
