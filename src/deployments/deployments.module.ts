import { Module } from '@nestjs/common';
import { NodesModule } from '../nodes/nodes.module';
import { DeployService } from './commands/deploy.service';
import { LifecycleService } from './commands/lifecycle.service';
import { ReplicaEnding } from './commands/replica-ending';
import { ScaleService } from './commands/scale.service';
import { BulkSelectionRepository } from './deletion/bulk-selection.repository';
import { DeleteService } from './deletion/delete.service';
import { DeletionDecision } from './deletion/deletion-decision';
import { DeletionLedgerRepository } from './deletion/deletion-ledger.repository';
import { DeletionLedgerService } from './deletion/deletion-ledger.service';
import { DeletionPreviewRepository } from './deletion/deletion-preview.repository';
import { DeletionPreviewService } from './deletion/deletion-preview.service';
import { DeletionsRepository } from './deletion/deletions.repository';
import { ForceReleaseService } from './deletion/force-release.service';
import { ProtectionService } from './deletion/protection.service';
import { ProtectionsRepository } from './deletion/protections.repository';
import { ReplicaSurrender } from './deletion/replica-surrender';
import { RestorationRepository } from './deletion/restoration.repository';
import { TeardownWatch } from './deletion/teardown-watch';
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

/** Deployments: what users wish for. It decides and records; the reconciler makes it so. The routes are in DeploymentsApiModule. */
@Module({
  imports: [NodesModule],
  providers: [
    BulkSelectionRepository,
    DeleteService,
    DeletionDecision,
    DeletionLedgerRepository,
    DeletionLedgerService,
    DeletionPreviewRepository,
    DeletionPreviewService,
    DeletionsRepository,
    DeployService,
    DeploymentListRepository,
    DeploymentMetrics,
    DeploymentViewsRepository,
    DeploymentViewsService,
    DeploymentsRepository,
    FleetView,
    ForceReleaseService,
    LifecycleService,
    PlacementService,
    PlacementsRepository,
    ProtectionService,
    ProtectionsRepository,
    Quota,
    ReplicaEnding,
    ReplicaSurrender,
    ReplicasRepository,
    RestorationRepository,
    ScaleService,
    TeardownWatch,
  ],
  exports: [
    BulkSelectionRepository,
    DeleteService,
    DeletionDecision,
    DeletionLedgerService,
    DeletionPreviewService,
    DeletionsRepository,
    DeployService,
    DeploymentMetrics,
    DeploymentViewsService,
    DeploymentsRepository,
    ForceReleaseService,
    LifecycleService,
    PlacementService,
    ProtectionService,
    Quota,
    ReplicasRepository,
    RestorationRepository,
    ScaleService,
  ],
})
export class DeploymentsModule {}
