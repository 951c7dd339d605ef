import { Module } from '@nestjs/common';
import { NodesModule } from '../nodes/nodes.module';
import { DeleteService } from './delete.service';
import { DeployService } from './deploy.service';
import { DeploymentListRepository } from './deployment-list.repository';
import { DeploymentMetrics } from './deployment-metrics';
import { DeploymentViewsRepository } from './deployment-views.repository';
import { DeploymentViewsService } from './deployment-views.service';
import { DeploymentsRepository } from './deployments.repository';
import { LifecycleService } from './lifecycle.service';
import { PlacementService } from './placement.service';
import { ReplicaEnding } from './replica-ending';
import { ReplicasRepository } from './replicas.repository';
import { ScaleService } from './scale.service';
import { TeardownWatch } from './teardown-watch';

/** Deployments: what users wish for. It decides and records; the reconciler makes it so. The routes are in DeploymentsApiModule. */
@Module({
  imports: [NodesModule],
  providers: [
    DeleteService,
    DeployService,
    DeploymentListRepository,
    DeploymentMetrics,
    DeploymentViewsRepository,
    DeploymentViewsService,
    DeploymentsRepository,
    LifecycleService,
    PlacementService,
    ReplicaEnding,
    ReplicasRepository,
    ScaleService,
    TeardownWatch,
  ],
  exports: [
    DeleteService,
    DeployService,
    DeploymentMetrics,
    DeploymentViewsService,
    DeploymentsRepository,
    LifecycleService,
    PlacementService,
    ReplicasRepository,
    ScaleService,
  ],
})
export class DeploymentsModule {}
