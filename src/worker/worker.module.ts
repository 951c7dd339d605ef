import { Module, type OnApplicationBootstrap, type BeforeApplicationShutdown } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { JobHandler, JobKind } from '../jobs/job-kinds';
import { JobQueue } from '../jobs/job-queue';
import { JobWorker } from '../jobs/job-worker';
import { PubSub } from '../database/pub-sub';
import { DeliverHandler } from '../notifications/deliver.handler';
import { NotificationMetrics } from '../notifications/notification-metrics';
import { NotificationsModule } from '../notifications/notifications.module';
import { PublishEventsHandler } from '../notifications/publish-events.handler';
import { OperationsModule } from '../operations/operations.module';
import { RunOperationHandler } from '../operations/run-operation.handler';
import { PurgeHandler } from '../retention/purge.handler';
import { RetentionModule } from '../retention/retention.module';
import { ReconcilerModule } from '../reconciler/reconciler.module';
import { AuditSealHandler } from './audit-seal.handler';
import { EngineWatcher } from '../reconciler/engine-watcher';
import { FleetBootstrap } from '../reconciler/fleet-bootstrap';
import { MaintenanceHandler } from './maintenance.handler';
import { ReconcileDeploymentHandler } from '../reconciler/reconcile-deployment.handler';
import { ResyncRepository } from '../reconciler/resync.repository';
import { StateMetrics } from './state-metrics';
import { SyncNodeHandler } from '../reconciler/sync-node.handler';

const FIRST_LOOK_MS = 3_000;

/** The background half of the program: a process with this module works on jobs. Several may run side by side. */
@Module({
  imports: [NotificationsModule, OperationsModule, ReconcilerModule, RetentionModule],
  providers: [AuditSealHandler, MaintenanceHandler, NotificationMetrics, StateMetrics],
})
export class WorkerModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly workers: readonly JobWorker[];

  constructor(
    private readonly queue: JobQueue,
    private readonly fleet: FleetBootstrap,
    private readonly resync: ResyncRepository,
    private readonly watcher: EngineWatcher,
    pubSub: PubSub,
    reconcileDeployment: ReconcileDeploymentHandler,
    private readonly syncNode: SyncNodeHandler,
    maintenance: MaintenanceHandler,
    auditSeal: AuditSealHandler,
    purge: PurgeHandler,
    runOperation: RunOperationHandler,
    publishEvents: PublishEventsHandler,
    deliver: DeliverHandler,
  ) {
    // A kind of job without a handler, or with the handler of another kind, does not compile.
    const handlers: { readonly [K in JobKind]: JobHandler & { readonly kind: K } } = {
      'deployment.reconcile': reconcileDeployment,
      'node.sync': syncNode,
      maintenance,
      'audit.seal': auditSeal,
      'retention.purge': purge,
      'operation.run': runOperation,
      'events.publish': publishEvents,
      'notification.deliver': deliver,
    };
    const workerId = `${hostname()}:${process.pid}:${randomUUID()}`;
    this.workers = Object.values(handlers).map((handler) => new JobWorker(queue, pubSub, handler, workerId));
  }

  async onApplicationBootstrap(): Promise<void> {
    // This comes first, because registering a known node records a heartbeat, after which its silence could no longer be seen.
    await this.syncNode.lookAtSilentNodes(AbortSignal.timeout(FIRST_LOOK_MS));
    await this.fleet.registerOwnNodes();
    await this.resync.enqueueNodes();
    await this.queue.enqueueNow([
      { kind: 'maintenance', key: 'all' },
      { kind: 'audit.seal', key: 'all' },
      { kind: 'events.publish', key: 'all' },
      { kind: 'retention.purge', key: 'all' },
    ]);
    for (const worker of this.workers) worker.start();
    this.watcher.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.watcher.stop();
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }
}
