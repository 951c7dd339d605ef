import { Module, type OnApplicationBootstrap, type BeforeApplicationShutdown } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { DeploymentsModule } from '../deployments/deployments.module';
import type { JobHandler, JobKind } from '../jobs/job-kinds';
import { JobQueue } from '../jobs/job-queue';
import { JobWorker } from '../jobs/job-worker';
import { Notifications } from '../jobs/notifications';
import { NodesModule } from '../nodes/nodes.module';
import { DeliverHandler } from '../notifications/deliver.handler';
import { NotificationMetrics } from '../notifications/notification-metrics';
import { NotificationsModule } from '../notifications/notifications.module';
import { PublishEventsHandler } from '../notifications/publish-events.handler';
import { OperationsModule } from '../operations/operations.module';
import { RunOperationHandler } from '../operations/run-operation.handler';
import { PurgeHandler } from '../purge/purge.handler';
import { PurgeModule } from '../purge/purge.module';
import { RuntimeModule } from '../runtime/runtime.module';
import { AuditSealHandler } from './audit-seal.handler';
import { EngineWatcher } from './engine-watcher';
import { FleetBootstrap } from './fleet-bootstrap';
import { MaintenanceHandler } from './maintenance.handler';
import { NodeSyncRepository } from './node-sync.repository';
import { Observer } from './observer';
import { ReconcileDeploymentHandler } from './reconcile-deployment.handler';
import { Recorder } from './recorder';
import { ResyncRepository } from './resync.repository';
import { SnapshotRepository } from './snapshot.repository';
import { StateMetrics } from './state-metrics';
import { StopFailures } from './stop-failures';
import { SyncNodeHandler } from './sync-node.handler';
import { TeardownCompletion } from './teardown-completion';

const FIRST_LOOK_MS = 3_000;

/** The background half: a process with this module works on jobs. Several may run side by side. */
@Module({
  imports: [DeploymentsModule, NodesModule, NotificationsModule, OperationsModule, PurgeModule, RuntimeModule],
  providers: [
    AuditSealHandler,
    EngineWatcher,
    FleetBootstrap,
    MaintenanceHandler,
    NodeSyncRepository,
    NotificationMetrics,
    Observer,
    ReconcileDeploymentHandler,
    Recorder,
    ResyncRepository,
    SnapshotRepository,
    StateMetrics,
    StopFailures,
    SyncNodeHandler,
    TeardownCompletion,
  ],
})
export class ReconcilerModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly workers: readonly JobWorker[];

  constructor(
    private readonly queue: JobQueue,
    private readonly fleet: FleetBootstrap,
    private readonly resync: ResyncRepository,
    private readonly watcher: EngineWatcher,
    notifications: Notifications,
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
    this.workers = Object.values(handlers).map((handler) => new JobWorker(queue, notifications, handler, workerId));
  }

  async onApplicationBootstrap(): Promise<void> {
    // First, because the registration greets a known node too, and then nobody could tell that it had been away.
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
