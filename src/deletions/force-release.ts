import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction';
import { Events } from '../events/events';
import { NodesRepository } from '../nodes/nodes.repository';
import { DeletionsRepository, type ForceReleasedReplica } from './deletions.repository';

interface Released {
  readonly replicas: readonly ForceReleasedReplica[];
  /** Those of the deployments that hold nothing any more. */
  readonly released: ReadonlySet<string>;
}

/**
 * Force-releases replicas on nodes that do not answer, in the caller's transaction, which holds the locks of their deployments.
 * Their reservations are released at once. Should a node return, its sync removes the containers.
 */
@Injectable()
export class ForceRelease {
  constructor(
    private readonly deletions: DeletionsRepository,
    private readonly nodes: NodesRepository,
    private readonly events: Events,
  ) {}

  /** Needs the same number of statements whatever the number of replicas. */
  async release(tx: Tx, ids: readonly string[], order: { nodeId: string | null; words: string }): Promise<Released> {
    const replicas = await this.deletions.forceRelease(tx, ids, order);
    if (replicas.length === 0) return { replicas, released: new Set() };
    await this.nodes.release(
      tx,
      replicas.map(({ id }) => id),
    );
    const concerned = [...new Set(replicas.map(({ deploymentId }) => deploymentId))];
    const complete = await this.deletions.completeWhatHoldsNothing(tx, concerned);
    await this.events.record(tx, [
      ...concerned.map((id) => ({
        type: 'fog.deployment.force_released' as const,
        deploymentId: id,
        data: { replicas: replicas.filter(({ deploymentId }) => deploymentId === id).length, reason: order.words },
      })),
      ...complete.map(({ id, generation }) => ({
        type: 'fog.deployment.teardown_completed' as const,
        deploymentId: id,
        data: { generation },
      })),
    ]);
    return { replicas, released: await this.deletions.holdingNothing(tx, concerned) };
  }
}
