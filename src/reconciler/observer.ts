import { Injectable } from '@nestjs/common';
import { eachAtATime } from '../common/each-at-a-time';
import type { NodeTarget } from '../engines/node-target';
import { ENGINE_TRAITS } from '../engines/runtime-kinds';
import { DriverError, type ObservedWorkload } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';
import type { NodeView, PlanReplica } from './plan.types';
import { isOutdated } from './runs';
import { SilentNodes } from './silent-nodes';

const FINDS_AT_A_TIME = 8;

/** The replicas that a node's engine should know by the records: those that were asked for and are not confirmed to be gone. */
export const expectedOn =
  (replicas: readonly PlanReplica[]) =>
  (nodeId: string): PlanReplica[] =>
    replicas.filter(
      (replica) =>
        replica.nodeId === nodeId &&
        replica.status !== 'pending' &&
        replica.status !== 'stopped' &&
        (replica.status !== 'failed' || replica.reserved),
    );

/**
 * A list may not tell when a run began. That is asked for each replica whose run is not recorded yet, or may be another one: after a
 * restart soon after the start, its new ports are all that a list shows of that.
 */
function lacksRun(replica: PlanReplica, shown: ObservedWorkload | undefined): boolean {
  if (shown?.startedAt !== null || !shown.hasRun) return false;
  return replica.status === 'starting' ? shown.phase === 'running' : replica.status === 'running' && isOutdated(shown, replica);
}

/**
 * Asks the engines what they run. A replica that is missing from a list is looked for by itself, unless lists of that kind of engine are
 * proof: taking an incomplete list for the truth would remove or replace healthy containers.
 */
@Injectable()
export class Observer {
  constructor(
    private readonly runtimes: Runtimes,
    private readonly silentNodes: SilentNodes,
  ) {}

  /**
   * The workloads of one deployment on each of these nodes. `expected` replicas that the list does not show, or of which it does
   * not tell enough, are looked for one by one. A node that has just been silent is not asked: the
   * answer for it comes at once, so that it delays nobody.
   */
  async observe(
    deploymentId: string,
    nodes: Iterable<NodeTarget>,
    expected: (nodeId: string) => readonly PlanReplica[],
    signal: AbortSignal,
  ): Promise<Map<string, NodeView>> {
    const views = await Promise.all(
      [...nodes].map(async (node) => [node.id, await this.view(deploymentId, node, expected(node.id), signal)] as const),
    );
    return new Map(views);
  }

  private async view(deploymentId: string, node: NodeTarget, expected: readonly PlanReplica[], signal: AbortSignal): Promise<NodeView> {
    const driver = this.runtimes.driverFor(node.runtime);
    if (!driver) return { reachable: false, words: `Node ${node.name} needs the ${node.runtime} runtime, which is not active here` };
    const silence = this.silentNodes.wordsOf(node.id);
    if (silence !== null) return { reachable: false, words: `Node ${node.name} does not answer: ${silence}` };
    try {
      const listed = await this.silentNodes.ask(node.id, () => driver.list(node, { deploymentId }, signal));
      const workloads = new Map<string, ObservedWorkload>(listed.map((workload) => [workload.replicaId, workload]));
      const { listIsProof } = ENGINE_TRAITS[node.runtime];
      const isMissing = (id: string): boolean => !listIsProof && !workloads.has(id);
      const wanting = expected.filter((replica) => isMissing(replica.id) || lacksRun(replica, workloads.get(replica.id)));
      await eachAtATime(FINDS_AT_A_TIME, wanting, async ({ id }) => {
        const found = await driver.find(node, id, signal);
        if (found) workloads.set(id, found);
        else workloads.delete(id);
      });
      return { reachable: true, workloads };
    } catch (error) {
      if (error instanceof DriverError) return { reachable: false, words: `Node ${node.name} does not answer: ${error.message}` };
      throw error;
    }
  }
}
