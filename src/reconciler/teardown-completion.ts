import { Injectable } from '@nestjs/common';
import { afterCommit, type Tx } from '../database/transaction';
import { DeletionsRepository } from '../deletions/deletions.repository';
import { DeploymentMetrics } from '../deployments/deployment-metrics';
import { Events } from '../events/events';
import type { Plan } from './plan.types';
import type { Snapshot } from './snapshot.repository';

/** Ends a deletion: in the transaction that releases the last of what its generation held. Nobody can have one without the other. */
@Injectable()
export class TeardownCompletion {
  constructor(
    private readonly deletions: DeletionsRepository,
    private readonly events: Events,
    private readonly metrics: DeploymentMetrics,
  ) {}

  /** The caller holds the deployment's lock. Does nothing when something is held after all, or when it was complete before; of a restored one nobody hears. */
  async complete(tx: Tx, deploymentId: string): Promise<void> {
    const completed = (await this.deletions.completeWhatHoldsNothing(tx, [deploymentId])).filter(({ isRestored }) => !isRestored);
    await this.events.record(
      tx,
      completed.map(({ generation }) => ({ type: 'fog.deployment.teardown_completed', deploymentId, data: { generation } })),
    );
    afterCommit(tx, () => {
      for (const { seconds } of completed) this.metrics.tornDown(seconds);
    });
  }

  /** Of a plan that was written down within so many seconds: how long the replicas that are gone now took to go. */
  observe(snapshot: Snapshot, plan: Plan, writingSeconds: number): void {
    if (plan.release.length > 0) this.metrics.timeStep('release', writingSeconds);
    const gone = new Set(plan.moves.filter(({ from, to }) => from === 'stopping' && to === 'stopped').map(({ replicaId }) => replicaId));
    for (const { id, changedAt, warmUntil } of snapshot.replicas.filter((replica) => gone.has(replica.id))) {
      const since = Math.max(changedAt.getTime(), warmUntil?.getTime() ?? 0);
      if (since <= snapshot.now.getTime()) this.metrics.timeStep('confirm', (snapshot.now.getTime() - since) / 1000);
      gone.delete(id);
    }
  }
}

/** After the plan, nothing is left of the generation whose teardown is under way, nor of any before it. */
export function endsTeardown({ deletion, replicas }: Snapshot, plan: Plan): boolean {
  if (!deletion) return false;
  const released = new Set(plan.release);
  return replicas.every(({ id, generation, reserved }) => generation > deletion.generation || !reserved || released.has(id));
}
