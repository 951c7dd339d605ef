import { Module } from '@nestjs/common';
import { NodesModule } from '../nodes/nodes.module';
import { DeletionDecision } from './deletion-decision';
import { DeletionLedgerRepository } from './deletion-ledger.repository';
import { DeletionLedgerService } from './deletion-ledger.service';
import { DeletionPreviewRepository } from './deletion-preview.repository';
import { DeletionPreviewService } from './deletion-preview.service';
import { ForceReleaseService } from './force-release.service';
import { ProtectionService } from './protection.service';
import { ProtectionsRepository } from './protections.repository';
import { ReplicaSurrender } from './replica-surrender';
import { DeletionsRepository } from './deletions.repository';
import { BulkSelectionRepository } from './bulk-selection.repository';
import { DeleteService } from './delete.service';
import { DeployService } from './deploy.service';
import { DeploymentListRepository } from './deployment-list.repository';
import { DeploymentMetrics } from './deployment-metrics';
import { DeploymentViewsRepository } from './deployment-views.repository';
import { DeploymentViewsService } from './deployment-views.service';
import { DeploymentsRepository } from './deployments.repository';
import { FleetView } from './fleet-view';
import { LifecycleService } from './lifecycle.service';
import { PlacementService } from './placement.service';
import { PlacementsRepository } from './placements.repository';
import { Quota } from './quota';
import { ReplicaEnding } from './replica-ending';
import { ReplicasRepository } from './replicas.repository';
import { RestorationRepository } from './restoration.repository';
import { ScaleService } from './scale.service';
import { TeardownWatch } from './teardown-watch';

/** Deployments: what users wish for. It decides and records; the reconciler makes it so. The routes are in DeploymentsApiModule. */
@Module({
  imports: [NodesModule],
  providers: [
    DeletionLedgerRepository,
    DeletionLedgerService,
    DeletionPreviewRepository,
    DeletionPreviewService,
    ForceReleaseService,
    ProtectionService,
    ProtectionsRepository,
    ReplicaSurrender,
    BulkSelectionRepository,
    DeleteService,
    DeletionDecision,
    DeletionsRepository,
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
    RestorationRepository,
    ScaleService,
    TeardownWatch,
  ],
  exports: [
    DeletionLedgerService,
    DeletionPreviewService,
    ForceReleaseService,
    ProtectionService,
    BulkSelectionRepository,
    DeleteService,
    DeletionDecision,
    DeletionsRepository,
    DeployService,
    DeploymentMetrics,
    DeploymentViewsService,
    DeploymentsRepository,
    LifecycleService,
    PlacementService,
    Quota,
    ReplicasRepository,
    RestorationRepository,
    ScaleService,
  ],
})
export class DeploymentsModule {}
