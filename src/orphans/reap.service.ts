import { Injectable } from '@nestjs/common';
import { Commands } from '../commands/commands';
import type { RequestContext } from '../common/request-context';
import type { Tx } from '../database/transaction';
import { ReplicasRepository } from '../deployments/replicas.repository';
import type { JobWish } from '../jobs/job-kinds';
import { RoutesRepository } from '../routing/routes.repository';
import { orphanNotFound, OrphanDecision, requireDecidable, type LockedOrphan } from './orphan-decision';
import { auditedFacts } from './orphan-audit';
import { reapObstacle } from './orphan-rules';
import type { OrphanView } from './orphan.types';
import { OrphansRepository } from './orphans.repository';

/**
 * Decides that an orphan goes. A container is removed by the next sync of its node, as often as it takes, until its engine shows it no
 * more; a replica without a container fails, and is replaced; routes without a deployment are taken away at once.
 */
@Injectable()
export class ReapService {
  constructor(
    private readonly commands: Commands,
    private readonly decision: OrphanDecision,
    private readonly orphans: OrphansRepository,
    private readonly replicas: ReplicasRepository,
    private readonly routes: RoutesRepository,
  ) {}

  /** Throws `not_found`, `conflict`, `precondition_required` and `precondition_failed`. */
  reap(id: string, context: RequestContext): Promise<OrphanView> {
    return this.commands.run(context, async (tx) => {
      const locked = await this.decision.lock(tx, id, context);
      const { orphan } = locked;
      requireDecidable(orphan, reapObstacle(orphan), context);
      const jobs = await this.carryOut(tx, locked);
      await this.orphans.decide(tx, id, orphan.kind === 'container' ? 'reaping' : 'reaped', context.actor.userId);
      const outcome = await this.orphans.lock(tx, id);
      if (!outcome) throw orphanNotFound();
      return {
        outcome,
        audit: {
          action: 'orphan.reap',
          resourceType: 'orphan',
          resourceId: id,
          before: auditedFacts(orphan),
          after: { state: outcome.state },
        },
        jobs,
      };
    });
  }

  /** Returns the jobs that do the rest. A replica that has ended meanwhile is left as it is. */
  private async carryOut(tx: Tx, { orphan, deployment }: LockedOrphan): Promise<JobWish[]> {
    const { kind, nodeId, replicaId } = orphan;
    if (kind === 'container') return nodeId === null ? [] : [{ kind: 'node.sync', key: nodeId }];
    if (!deployment) return [];
    if (kind === 'route') await this.routes.removeAll(tx, deployment.id);
    if (kind === 'replica' && replicaId !== null) {
      const reason = 'Its node shows no container of it, and an administrator has given it up';
      await this.replicas.move(tx, [{ replicaId, from: 'running', to: 'failed', reason, failedByNode: true }]);
    }
    return [{ kind: 'deployment.reconcile', key: deployment.id }];
  }
}
