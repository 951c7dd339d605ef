import { Module, type OnApplicationBootstrap, type BeforeApplicationShutdown } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { AccountsModule } from '../accounts/accounts.module';
import { MailPasswordLinkHandler } from '../accounts/mail-password-link.handler';
import type { JobHandler, JobKind } from '../jobs/job-kinds';
import { JobPoll } from '../jobs/job-poll';
import { JobQueue } from '../jobs/job-queue';
import { JobWorker } from '../jobs/job-worker';
import { PubSub } from '../database/pub-sub';
import { AuthModule } from '../auth/auth.module';
import { ChecksModule } from '../checks/checks.module';
import { ProbeNodeHandler } from '../checks/probe-node.handler';
import { DeliverHandler } from '../notifications/deliver.handler';
import { NodesModule } from '../nodes/nodes.module';
import { NotificationMetrics } from '../notifications/notification-metrics';
import { NotificationsModule } from '../notifications/notifications.module';
import { PublishEventsHandler } from '../notifications/publish-events.handler';
import { OperationsModule } from '../operations/operations.module';
import { RunOperationHandler } from '../operations/run-operation.handler';
import { OrphansModule } from '../orphans/orphans.module';
import { PurgeHandler } from '../retention/purge.handler';
import { RetentionModule } from '../retention/retention.module';
import { VolumesModule } from '../volumes/volumes.module';
import { ReconcilerModule } from '../reconciler/reconciler.module';
import { AuditSealHandler } from './audit-seal.handler';
import { EngineWatcher } from '../reconciler/engine-watcher';
import { FleetBootstrap } from '../reconciler/fleet-bootstrap';
import { MaintenanceHandler } from './maintenance.handler';
import { ReconcileDeploymentHandler } from '../reconciler/reconcile-deployment.handler';
import { RemoveVolumeHandler } from '../reconciler/remove-volume.handler';
import { ResyncRepository } from '../reconciler/resync.repository';
import { ClockMetrics } from './clock-metrics';
import { EnvSealing } from './env-sealing';
import { PortCounting } from './port-counting';
import { RouterWatch } from '../routing/router-watch';
import { StateMetrics } from './state-metrics';
import { StepBack } from './step-back';
import { NodeEntrancesHandler } from '../reconciler/entrances/node-entrances.handler';
import { HealthWatchHandler } from '../reconciler/health-watch/health-watch.handler';
import { SyncNodeHandler } from '../reconciler/sync-node.handler';

const FIRST_LOOK_MS = 3_000;

/** The background half of the program: a process with this module works on jobs. Several may run side by side. */
@Module({
  imports: [
    AccountsModule,
    AuthModule,
    ChecksModule,
    NodesModule,
    NotificationsModule,
    OperationsModule,
    OrphansModule,
    ReconcilerModule,
    RetentionModule,
    VolumesModule,
  ],
  providers: [
    ...[AuditSealHandler, ClockMetrics, EnvSealing, MaintenanceHandler, NotificationMetrics],
    ...[PortCounting, RouterWatch, StateMetrics, StepBack],
  ],
})
export class WorkerModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly workers: readonly JobWorker[];
  private readonly poll: JobPoll;

  constructor(
    private readonly queue: JobQueue,
    private readonly fleet: FleetBootstrap,
    private readonly resync: ResyncRepository,
    private readonly watcher: EngineWatcher,
    pubSub: PubSub,
    reconcileDeployment: ReconcileDeploymentHandler,
    private readonly syncNode: SyncNodeHandler,
    probeNode: ProbeNodeHandler,
    nodeEntrances: NodeEntrancesHandler,
    healthWatch: HealthWatchHandler,
    maintenance: MaintenanceHandler,
    auditSeal: AuditSealHandler,
    purge: PurgeHandler,
    runOperation: RunOperationHandler,
    publishEvents: PublishEventsHandler,
    deliver: DeliverHandler,
    mailPasswordLink: MailPasswordLinkHandler,
    removeVolume: RemoveVolumeHandler,
  ) {
    // A kind of job without a handler, or with the handler of another kind, does not compile.
    const handlers: { readonly [K in JobKind]: JobHandler & { readonly kind: K } } = {
      'deployment.reconcile': reconcileDeployment,
      'node.sync': syncNode,
      'node.probe': probeNode,
      'node.entrances': nodeEntrances,
      'health.watch': healthWatch,
      maintenance,
      'audit.seal': auditSeal,
      'retention.purge': purge,
      'operation.run': runOperation,
      'events.publish': publishEvents,
      'notification.deliver': deliver,
      'account.mail_password_link': mailPasswordLink,
      'volume.remove': removeVolume,
    };
    const workerId = `${hostname()}:${process.pid}:${randomUUID()}`;
    this.workers = Object.values(handlers).map((handler) => new JobWorker(queue, pubSub, handler, workerId));
    this.poll = new JobPoll(queue, this.workers);
  }

  async onApplicationBootstrap(): Promise<void> {
    // This comes first, because registering a known node records a heartbeat, after which its silence could no longer be seen.
    await this.syncNode.lookAtSilentNodes(AbortSignal.timeout(FIRST_LOOK_MS));
    await this.fleet.registerOwnNodes();
    await this.resync.enqueueNodes();
    await this.queue.enqueueNow([
      { kind: 'maintenance', key: 'all' },
      { kind: 'health.watch', key: 'all' },
      { kind: 'audit.seal', key: 'all' },
      { kind: 'events.publish', key: 'all' },
      { kind: 'retention.purge', key: 'all' },
    ]);
    for (const worker of this.workers) worker.start();
    this.poll.start();
    this.watcher.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.watcher.stop();
    this.poll.stop();
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }
}
