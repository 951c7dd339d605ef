import { Injectable } from '@nestjs/common';
import type { Tx } from '../../database/transaction';
import { Events } from '../../events/events';
import { NodesRepository } from '../../nodes/nodes.repository';
import { DeletionsRepository, type GivenUpReplica } from './deletions.repository';

export interface Surrendered {
  readonly given: readonly GivenUpReplica[];
  /** Of their deployments those that hold nothing any more. */
  readonly released: ReadonlySet<string>;
}

/**
 * Gives up replicas on nodes that do not answer, in the caller's transaction, which holds the locks of their deployments.
 * What they hold is free at once; should a node return, its sync removes the containers that nobody claims any more.
 */
@Injectable()
export class ReplicaSurrender {
  constructor(
    private readonly deletions: DeletionsRepository,
    private readonly nodes: NodesRepository,
    private readonly events: Events,
  ) {}

  /** A fixed number of statements, whatever the number of replicas. */
  async giveUp(tx: Tx, ids: readonly string[], order: { nodeId: string | null; words: string }): Promise<Surrendered> {
    const given = await this.deletions.giveUp(tx, ids, order);
    if (given.length === 0) return { given, released: new Set() };
    await this.nodes.release(
      tx,
      given.map(({ id }) => id),
    );
    const concerned = [...new Set(given.map(({ deploymentId }) => deploymentId))];
    const complete = await this.deletions.completeWhatHoldsNothing(tx, concerned);
    await this.events.record(tx, [
      ...concerned.map((id) => ({
        type: 'fog.deployment.force_released' as const,
        deploymentId: id,
        data: { replicas: given.filter(({ deploymentId }) => deploymentId === id).length, reason: order.words },
      })),
      ...complete.map(({ id, generation }) => ({
        type: 'fog.deployment.teardown_completed' as const,
        deploymentId: id,
        data: { generation },
      })),
    ]);
    return { given, released: await this.deletions.holdingNothing(tx, concerned) };
  }
}
