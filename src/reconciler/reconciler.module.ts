import { Module } from '@nestjs/common';
import { DeletionsModule } from '../deletions/deletions.module';
import { DeploymentsModule } from '../deployments/deployments.module';
import { NodesModule } from '../nodes/nodes.module';
import { RuntimeModule } from '../runtime/runtime.module';
import { EngineWatcher } from './engine-watcher';
import { FleetBootstrap } from './fleet-bootstrap';
import { NodeSyncRepository } from './node-sync.repository';
import { Observer } from './observer';
import { ReconcileDeploymentHandler } from './reconcile-deployment.handler';
import { Recorder } from './recorder';
import { ResyncRepository } from './resync.repository';
import { SnapshotRepository } from './snapshot.repository';
import { StopFailures } from './stop-failures';
import { SyncNodeHandler } from './sync-node.handler';
import { TeardownCompletion } from './teardown-completion';

/** Provides the jobs that bring one deployment, and one node, to what the records say. WorkerModule runs them. */
@Module({
  imports: [DeletionsModule, DeploymentsModule, NodesModule, RuntimeModule],
  providers: [
    EngineWatcher,
    FleetBootstrap,
    NodeSyncRepository,
    Observer,
    ReconcileDeploymentHandler,
    Recorder,
    ResyncRepository,
    SnapshotRepository,
    StopFailures,
    SyncNodeHandler,
    TeardownCompletion,
  ],
  exports: [EngineWatcher, FleetBootstrap, ReconcileDeploymentHandler, ResyncRepository, SyncNodeHandler],
})
export class ReconcilerModule {}
