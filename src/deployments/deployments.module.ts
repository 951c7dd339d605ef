import { Module } from '@nestjs/common';
import { NodesModule } from '../nodes/nodes.module';
import { QuotasModule } from '../quotas/quotas.module';
import { RightsModule } from '../rights/rights.module';
import { RoutesModule } from '../routing/routes.module';
import { SecretsModule } from '../secrets/secrets.module';
import { VolumesModule } from '../volumes/volumes.module';
import { DeployService } from './commands/deploy.service';
import { LifecycleService } from './commands/lifecycle.service';
import { DeployManyService } from './many/deploy-many.service';
import { ManyDeploymentsRepository } from './many/many-deployments.repository';
import { ManyPlacements } from './placement/many-placements';
import { ReplicaEnding } from './commands/replica-ending';
import { ScaleService } from './commands/scale.service';
import { FleetView } from './placement/fleet-view';
import { PlacementService } from './placement/placement.service';
import { PlacementsRepository } from './placement/placements.repository';
import { VolumePlaces } from './placement/volume-places';
import { DeploymentListRepository } from './views/deployment-list.repository';
import { DeploymentViewsRepository } from './views/deployment-views.repository';
import { DeploymentViewsService } from './views/deployment-views.service';
import { ContainerVault } from './spec/container-vault';
import { DeploymentMetrics } from './deployment-metrics';
import { DeploymentsRepository } from './deployments.repository';
import { KeptLogsRepository } from './kept-logs.repository';
import { LiveReplicasRepository } from './live-replicas.repository';
import { MovesTogetherRepository } from './moves-together.repository';
import { Quota } from './quota';
import { QuotaRoom } from './quota-room';
import { ReplicasRepository } from './replicas.repository';
import { RevisionsRepository } from './revisions.repository';
import { RolloutsRepository } from './rollouts.repository';
import { SecretUsesRepository } from './secret-uses.repository';
import { VolumeClaims } from './volumes/volume-claims.service';
import { VolumeUsesRepository } from './volumes/volume-uses.repository';

/**
 * What users want of deployments. The services decide and record; the reconciler does the rest. The routes are in
 * DeploymentsApiModule.
 */
@Module({
  imports: [NodesModule, QuotasModule, RightsModule, RoutesModule, SecretsModule, VolumesModule],
  providers: [
    ContainerVault,
    DeployManyService,
    DeployService,
    DeploymentListRepository,
    DeploymentMetrics,
    DeploymentViewsRepository,
    DeploymentViewsService,
    DeploymentsRepository,
    FleetView,
    KeptLogsRepository,
    LifecycleService,
    LiveReplicasRepository,
    ManyDeploymentsRepository,
    ManyPlacements,
    MovesTogetherRepository,
    PlacementService,
    PlacementsRepository,
    Quota,
    QuotaRoom,
    ReplicaEnding,
    ReplicasRepository,
    RevisionsRepository,
    RolloutsRepository,
    ScaleService,
    SecretUsesRepository,
    VolumeClaims,
    VolumePlaces,
    VolumeUsesRepository,
  ],
  exports: [
    ContainerVault,
    DeployManyService,
    DeployService,
    DeploymentMetrics,
    DeploymentViewsService,
    DeploymentsRepository,
    KeptLogsRepository,
    LifecycleService,
    LiveReplicasRepository,
    MovesTogetherRepository,
    PlacementService,
    Quota,
    QuotaRoom,
    ReplicasRepository,
    RevisionsRepository,
    RolloutsRepository,
    ScaleService,
    SecretUsesRepository,
    VolumeClaims,
    VolumeUsesRepository,
  ],
})
export class DeploymentsModule {}
