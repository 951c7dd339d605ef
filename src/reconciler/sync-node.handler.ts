import { Injectable, Logger } from '@nestjs/common';
import { within } from '../common/within';
import { AppConfig } from '../config/app-config';
import type { ClaimedJob, JobHandler, JobResult } from '../jobs/job-kinds';
import { JobQueue } from '../jobs/job-queue';
import { Notifications } from '../jobs/notifications';
import { FLEET_CHANNEL, NodesRepository } from '../nodes/nodes.repository';
import { DriverError, type ObservedWorkload, type RuntimeDriver } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';
import { discrepancies } from './discrepancies';
import { NodeSyncRepository, type SyncedNode } from './node-sync.repository';

const CALL_TIMEOUT_MS = 10_000;
const UNSERVED_RETRY_MS = 30_000;

/**
 * Looks at one node every few seconds: notes its heartbeat, wakes the deployments whose records differ from what its
 * engine shows, and removes workloads that nobody stands for. The cost is one list a node, whatever runs on it.
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
    private readonly notifications: Notifications,
  ) {}

  /**
   * For a process that begins: looks at the nodes that have been silent, whoever has their jobs. Placement would take them
   * for offline, and fail deployments, when it was only we who were away.
   */
  async lookAtSilentNodes(signal: AbortSignal): Promise<void> {
    const targets = await this.nodes.targets([this.runtimes.active.kind]);
    await Promise.allSettled(targets.filter(({ online }) => !online).map(({ id }) => this.handle({ key: id }, signal)));
  }

  async handle(job: Pick<ClaimedJob, 'key'>, stop: AbortSignal): Promise<JobResult> {
    const node = await this.repository.node(job.key);
    if (!node) return { kind: 'done' };
    const driver = this.runtimes.driverFor(node.runtime);
    if (!driver) return { kind: 'again', afterMs: UNSERVED_RETRY_MS };
    try {
      await within(CALL_TIMEOUT_MS, stop, (signal) => this.sync(node, driver, signal));
    } catch (error) {
      if (!(error instanceof DriverError)) throw error;
      if (node.online) this.logger.warn(`Node ${node.name} does not answer: ${error.message}`);
      await this.nodes.heartbeatFailed(node.id, error.message);
      if (node.draining) await this.wakeAll(node);
    }
    return { kind: 'again', afterMs: this.config.NODE_SYNC_SECONDS * 1000 };
  }

  private async sync(node: SyncedNode, driver: RuntimeDriver, signal: AbortSignal): Promise<void> {
    const [info, workloads] = await Promise.all([driver.info(node, signal), driver.list(node, {}, signal)]);
    await this.nodes.heartbeat(node.id, info);
    if (!node.online) this.notifications.tell(FLEET_CHANNEL, node.id);
    // Read after the list: a workload that was shown had its record before.
    const records = await this.repository.replicas(
      node.id,
      workloads.map((workload) => workload.replicaId),
    );
    const found = discrepancies(records, workloads, { cameBack: !node.online, draining: node.draining });
    await this.jobs.enqueueNow(found.wake.map((key) => ({ kind: 'deployment.reconcile', key })));
    if (found.unclaimed.length > 0) await this.removeUnclaimed(node, driver, found.unclaimed, signal);
  }

  /** A node that is gone for good can still be drained: its replicas get successors elsewhere. */
  private async wakeAll(node: SyncedNode): Promise<void> {
    const { wake } = discrepancies(await this.repository.replicas(node.id, []), [], { cameBack: false, draining: true });
    await this.jobs.enqueueNow(wake.map((key) => ({ kind: 'deployment.reconcile', key })));
  }

  /**
   * Workloads of finished replicas go. Those of deployments that the database has never heard of stay and are reported:
   * after a database was restored from a backup they are what is left of newer deployments.
   */
  private async removeUnclaimed(
    node: SyncedNode,
    driver: RuntimeDriver,
    unclaimed: readonly ObservedWorkload[],
    signal: AbortSignal,
  ): Promise<void> {
    const known = await this.repository.knownDeployments([...new Set(unclaimed.map((workload) => workload.deploymentId))]);
    for (const workload of unclaimed) {
      const name = `container ${workload.containerId.slice(0, 12)} of replica ${workload.replicaId} on node ${node.name}`;
      if (!known.has(workload.deploymentId)) {
        this.logger.warn(
          `${name} belongs to the unknown deployment ${workload.deploymentId}: left alone, remove it by hand if it is not wanted`,
        );
        continue;
      }
      this.logger.warn(`Removing ${name}: the replica is finished`);
      await driver.remove(node, workload.replicaId, { graceSeconds: 0, signal });
    }
  }
}
