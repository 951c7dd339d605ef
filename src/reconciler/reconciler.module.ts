import { Module } from '@nestjs/common';
import { ChecksModule } from '../checks/checks.module';
import { DeletionsModule } from '../deletions/deletions.module';
import { DeploymentsModule } from '../deployments/deployments.module';
import { NodesModule } from '../nodes/nodes.module';
import { OrphansModule } from '../orphans/orphans.module';
import { RouteTablesRepository } from '../routing/route-tables.repository';
import { RoutesModule } from '../routing/routes.module';
import { RuntimeModule } from '../runtime/runtime.module';
import { CheckedReplicas } from './checked-replicas';
import { EntrancesRepository } from './entrances/entrances.repository';
import { NodeEntrancesHandler } from './entrances/node-entrances.handler';
import { EngineWatcher } from './engine-watcher';
import { FleetBootstrap } from './fleet-bootstrap';
import { HealthWatchHandler } from './health-watch/health-watch.handler';
import { HealthWatchRepository } from './health-watch/health-watch.repository';
import { ImageDigests } from './image-digests';
import { LastLines } from './last-lines';
import { NodeSyncRepository } from './node-sync.repository';
import { Observer } from './observer';
import { ReconcileDeploymentHandler } from './reconcile-deployment.handler';
import { Recorder } from './recorder';
import { RemoveVolumeHandler } from './remove-volume.handler';
import { ResyncRepository } from './resync.repository';
import { SilentNodes } from './silent-nodes';
import { SnapshotRepository } from './snapshot.repository';
import { StopFailures } from './stop-failures';
import { Strangers } from './strangers';
import { StrayVolumes } from './stray-volumes';
import { SyncNodeHandler } from './sync-node.handler';
import { SecretsModule } from '../secrets/secrets.module';
import { VolumesModule } from '../volumes/volumes.module';
import { TeardownCompletion } from './teardown-completion';
import { WatchedPulls } from './watched-pulls';
import { Workloads } from './workloads';

/** Provides the jobs that bring one deployment, and one node, to what the records say. WorkerModule runs them. */
@Module({
  imports: [
    ChecksModule,
    DeletionsModule,
    DeploymentsModule,
    NodesModule,
    OrphansModule,
    RoutesModule,
    RuntimeModule,
    SecretsModule,
    VolumesModule,
  ],
  providers: [
    CheckedReplicas,
    EngineWatcher,
    EntrancesRepository,
    FleetBootstrap,
    HealthWatchHandler,
    HealthWatchRepository,
    ImageDigests,
    LastLines,
    NodeEntrancesHandler,
    NodeSyncRepository,
    Observer,
    ReconcileDeploymentHandler,
    Recorder,
    RemoveVolumeHandler,
    RouteTablesRepository,
    ResyncRepository,
    { provide: SilentNodes, useFactory: () => new SilentNodes() },
    SnapshotRepository,
    StopFailures,
    Strangers,
    StrayVolumes,
    SyncNodeHandler,
    TeardownCompletion,
    WatchedPulls,
    Workloads,
  ],
  exports: [
    ...[EngineWatcher, FleetBootstrap, HealthWatchHandler, NodeEntrancesHandler],
    ...[ReconcileDeploymentHandler, RemoveVolumeHandler, ResyncRepository, SyncNodeHandler],
  ],
})
export class ReconcilerModule {}
