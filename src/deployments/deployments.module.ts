import { Module } from '@nestjs/common';
import { NodesModule } from '../nodes/nodes.module';
import { DeployService } from './commands/deploy.service';
import { LifecycleService } from './commands/lifecycle.service';
import { ReplicaEnding } from './commands/replica-ending';
import { ScaleService } from './commands/scale.service';
import { FleetView } from './placement/fleet-view';
import { PlacementService } from './placement/placement.service';
import { PlacementsRepository } from './placement/placements.repository';
import { DeploymentListRepository } from './views/deployment-list.repository';
import { DeploymentViewsRepository } from './views/deployment-views.repository';
import { DeploymentViewsService } from './views/deployment-views.service';
import { DeploymentMetrics } from './deployment-metrics';
import { DeploymentsRepository } from './deployments.repository';
import { Quota } from './quota';
import { ReplicasRepository } from './replicas.repository';

/**
 * What users want of deployments. The services decide and record; the reconciler does the rest. The routes are in
 * DeploymentsApiModule.
 */
@Module({
  imports: [NodesModule],
  providers: [
    DeployService,
    DeploymentListRepository,
    DeploymentMetrics,
    DeploymentViewsRepository,
    DeploymentViewsService,
    DeploymentsRepository,
    FleetView,
    LifecycleService,
    PlacementService,
    PlacementsRepository,
    Quota,
    ReplicaEnding,
    ReplicasRepository,
    ScaleService,
  ],
  exports: [
    DeployService,
    DeploymentMetrics,
    DeploymentViewsService,
    DeploymentsRepository,
    LifecycleService,
    PlacementService,
    Quota,
    ReplicasRepository,
    ScaleService,
  ],
})
export class DeploymentsModule {}
