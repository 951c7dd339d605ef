import { Injectable, Logger } from '@nestjs/common';
import { setMaxListeners } from 'node:events';
import { eachAtATime } from '../common/each-at-a-time';
import { within } from '../common/within';
import { AppConfig } from '../config/app-config';
import type { LiveTarget } from '../engines/node-target';
import type { ClaimedJob, JobHandler, JobResult } from '../jobs/job-kinds';
import { JobQueue } from '../jobs/job-queue';
import { PubSub } from '../database/pub-sub';
import { FLEET_TOPIC, NodesRepository } from '../nodes/nodes.repository';
import { DriverError, type ObservedWorkload, type RuntimeDriver } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';
import { discrepancies } from './discrepancies';
import { NodeSyncRepository } from './node-sync.repository';

const CALL_TIMEOUT_MS = 10_000;
const REMOVAL_TIMEOUT_MS = 10_000;
const REMOVALS_AT_A_TIME = 8;
const UNSERVED_RETRY_MS = 30_000;

/**
 * Looks at one node every few seconds: it notes the heartbeat, wakes the deployments whose records differ from what the engine
 * shows, and removes workloads of finished replicas. It costs one list per node, however much the node runs.
 */
@Injectable()
export class SyncNodeHandler implements JobHandler {
  readonly kind = 'node.sync';
  readonly concurrency = 16;
  private readonly logger = new Logger(SyncNodeHandler.name);

  constructor(
    private readonly config: AppConfig,
    private readonly nodes: NodesRepository,
    private readonly repository: NodeSyncRepository,
    private readonly runtimes: Runtimes,
    private readonly jobs: JobQueue,
    private readonly pubSub: PubSub,
  ) {}

  /**
   * When a process starts, looks at the nodes that have been silent, even if another worker has their jobs. Without it
   * placement would take them for offline and fail deployments, although only this program was away. Nodes that are not reached
   * before `signal` aborts are left to their jobs, which are due.
   */
  async lookAtSilentNodes(signal: AbortSignal): Promise<void> {
    setMaxListeners(Infinity, signal);
    const silent = await this.repository.silent(this.runtimes.kinds);
    await eachAtATime(this.concurrency, silent, async (key) => {
      if (!signal.aborted) await this.handle({ key }, signal).catch(() => undefined);
    });
  }

  async handle(job: Pick<ClaimedJob, 'key'>, stop: AbortSignal): Promise<JobResult> {
    const [node] = await this.nodes.targetsOf([job.key]);
    if (!node) return { kind: 'done' };
    const driver = this.runtimes.driverFor(node.runtime);
    if (!driver) return { kind: 'again', afterMs: UNSERVED_RETRY_MS };
    let unclaimed: readonly ObservedWorkload[] = [];
    try {
      unclaimed = await within(CALL_TIMEOUT_MS, stop, (signal) => this.sync(node, driver, signal));
    } catch (error) {
      // A sync that was aborted says nothing about the node.
      if (!(error instanceof DriverError) || stop.aborted) throw error;
      if (node.online) this.logger.warn(`Node ${node.name} does not answer: ${error.message}`);
      await this.nodes.heartbeatFailed(node.id, error.message);
      if (node.draining) await this.wakeAll(node);
    }
    await this.removeUnclaimed(node, driver, unclaimed, stop);
    return { kind: 'again', afterMs: this.config.NODE_SYNC_SECONDS * 1000 };
  }

  /** Returns the workloads that belong to no unfinished replica. */
  private async sync(node: LiveTarget, driver: RuntimeDriver, signal: AbortSignal): Promise<readonly ObservedWorkload[]> {
    const [info, workloads] = await Promise.all([driver.info(node, signal), driver.list(node, {}, signal)]);
    // The records are read after the list, because every workload in the list had its record before it was created.
    const records = await this.repository.replicas(
      node.id,
      workloads.map((workload) => workload.replicaId),
    );
    const found = discrepancies(records, workloads, { cameBack: !node.online, draining: node.draining });
    await this.jobs.enqueueNow(found.wake.map((key) => ({ kind: 'deployment.reconcile', key })));
    // The heartbeat comes last. If this process dies before it, the next sync still sees that the node was offline, and wakes
    // again.
    await this.nodes.heartbeat(node.id, info, driver.traits);
    if (!node.online) this.pubSub.publish(FLEET_TOPIC, node.id);
    return found.unclaimed;
  }

  /**
   * Wakes all deployments of a draining node, so that their replicas get successors elsewhere even if the node never returns.
   */
  private async wakeAll(node: LiveTarget): Promise<void> {
    const { wake } = discrepancies(await this.repository.replicas(node.id, []), [], { cameBack: false, draining: true });
    await this.jobs.enqueueNow(wake.map((key) => ({ kind: 'deployment.reconcile', key })));
  }

  /**
   * Removes the workloads of finished replicas. Workloads of deployments that the database has never known stay and are
   * reported: after a restore from a backup they are what is left of newer deployments. What cannot be removed now is tried
   * again by the next sync.
   */
  private async removeUnclaimed(
    node: LiveTarget,
    driver: RuntimeDriver,
    unclaimed: readonly ObservedWorkload[],
    stop: AbortSignal,
  ): Promise<void> {
    if (unclaimed.length === 0) return;
    const known = await this.repository.knownDeployments([...new Set(unclaimed.map((workload) => workload.deploymentId))]);
    for (const workload of unclaimed.filter(({ deploymentId }) => !known.has(deploymentId))) {
      this.logger.warn(
        `${nameOf(workload, node)} belongs to the unknown deployment ${workload.deploymentId}: left alone, remove it by hand if it is not wanted`,
      );
    }
    const finished = unclaimed.filter(({ deploymentId }) => known.has(deploymentId));
    // Begins at another workload each time, so that some that cannot be removed do not take every place for ever.
    const first = Math.floor(Math.random() * finished.length);
    const inTurn = [...finished.slice(first), ...finished.slice(0, first)];
    await within(REMOVAL_TIMEOUT_MS, stop, (signal) =>
      eachAtATime(REMOVALS_AT_A_TIME, inTurn, async (workload) => {
        if (signal.aborted) return;
        this.logger.warn(`Removing ${nameOf(workload, node)}: the replica is finished`);
        try {
          await driver.remove(node, workload.replicaId, { graceSeconds: 0, signal });
        } catch (error) {
          if (!(error instanceof DriverError)) throw error;
          if (!stop.aborted) this.logger.warn(`${nameOf(workload, node)} is still there: ${error.message}`);
        }
      }),
    );
  }
}

const nameOf = ({ containerId, replicaId }: ObservedWorkload, { name }: LiveTarget): string =>
  `container ${containerId.slice(0, 12)} of replica ${replicaId} on node ${name}`;
