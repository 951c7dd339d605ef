import { Injectable } from '@nestjs/common';
import { eachAtATime } from '../common/each-at-a-time';
import type { NodeTarget } from '../engines/node-target';
import { DriverError, type ObservedWorkload } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';
import type { NodeView, PlanReplica } from './plan.types';

const FINDS_AT_A_TIME = 8;

/** The replicas that a node's engine should know by the records: those that were asked for and are not confirmed to be gone. */
export const expectedOn =
  (replicas: readonly PlanReplica[]) =>
  (nodeId: string): string[] =>
    replicas
      .filter((replica) => replica.nodeId === nodeId && replica.status !== 'pending' && (replica.status !== 'failed' || replica.reserved))
      .map((replica) => replica.id);

/**
 * Asks the engines what they run. A replica that is missing from a list is looked for by itself, because taking an incomplete
 * list for the truth would remove or replace healthy containers.
 */
@Injectable()
export class Observer {
  constructor(private readonly runtimes: Runtimes) {}

  /**
   * The workloads of one deployment on each of these nodes. `expected` replicas that the list does not show are looked for one
   * by one.
   */
  async observe(
    deploymentId: string,
    nodes: Iterable<NodeTarget>,
    expected: (nodeId: string) => readonly string[],
    signal: AbortSignal,
  ): Promise<Map<string, NodeView>> {
    const views = await Promise.all(
      [...nodes].map(async (node) => [node.id, await this.view(deploymentId, node, expected(node.id), signal)] as const),
    );
    return new Map(views);
  }

  private async view(deploymentId: string, node: NodeTarget, expected: readonly string[], signal: AbortSignal): Promise<NodeView> {
    const driver = this.runtimes.driverFor(node.runtime);
    if (!driver) return { reachable: false, words: `Node ${node.name} needs the ${node.runtime} runtime, which is not active here` };
    try {
      const listed = await driver.list(node, { deploymentId }, signal);
      const workloads = new Map<string, ObservedWorkload>(listed.map((workload) => [workload.replicaId, workload]));
      const unlisted = expected.filter((id) => !workloads.has(id));
      await eachAtATime(FINDS_AT_A_TIME, unlisted, async (replicaId) => {
        const found = await driver.find(node, replicaId, signal);
        if (found) workloads.set(replicaId, found);
      });
      return { reachable: true, workloads };
    } catch (error) {
      if (error instanceof DriverError) return { reachable: false, words: `Node ${node.name} does not answer: ${error.message}` };
      throw error;
    }
  }
}
