import { Injectable } from '@nestjs/common';
import { afterCommit, type Tx } from '../database/transaction';
import { DeletionsRepository } from '../deletions/deletions.repository';
import { DeploymentMetrics } from '../deployments/deployment-metrics';
import { Events } from '../events/events';
import type { Plan } from './plan.types';
import type { Snapshot } from './snapshot.repository';

/** Marks a deletion complete in the same transaction that releases the last reservation of its generation. */
@Injectable()
export class TeardownCompletion {
  constructor(
    private readonly deletions: DeletionsRepository,
    private readonly events: Events,
    private readonly metrics: DeploymentMetrics,
  ) {}

  /**
   * The caller holds the deployment's lock. Does nothing when a reservation is left or the deletion was complete before. A
   * deletion that was followed by a restore is marked complete without an event.
   */
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

  /**
   * Measures how long the replicas that the plan ended took to be confirmed gone, and how long recording took
   * (`writingSeconds`).
   */
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

/** True when, after the plan, no replica of the deleted generation or an earlier one holds a reservation. */
export function endsTeardown({ deletion, replicas }: Snapshot, plan: Plan): boolean {
  if (!deletion) return false;
  const released = new Set(plan.release);
  return replicas.every(({ id, generation, reserved }) => generation > deletion.generation || !reserved || released.has(id));
}
