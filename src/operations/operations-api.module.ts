import { Module } from '@nestjs/common';
import { DeletionsModule } from '../deletions/deletions.module';
import { DeploymentsModule } from '../deployments/deployments.module';
import { BulkController } from './bulk.controller';
import { BulkDeleteService } from './bulk-delete.service';
import { BulkDeployController } from './bulk-deploy.controller';
import { BulkDeployService } from './bulk-deploy.service';
import { BulkPreviewController } from './bulk-preview.controller';
import { BulkPreviewService } from './bulk-preview.service';
import { BulkRestoreService } from './bulk-restore.service';
import { BulkSelectionRepository } from './bulk-selection.repository';
import { BulkSelectionService } from './bulk-selection.service';
import { OperationChangesService } from './operation-changes.service';
import { DecidedOperationsRepository } from './decided-operations.repository';
import { OperationIntake } from './operation-intake';
import { OperationQuota } from './operation-quota';
import { OperationViewsRepository } from './operation-views.repository';
import { OperationViewsService } from './operation-views.service';
import { OperationsController } from './operations.controller';
import { RightsModule } from '../rights/rights.module';
import { OperationsModule } from './operations.module';

/** The routes of operations; left out of processes that only work in the background. */
@Module({
  imports: [OperationsModule, DeletionsModule, DeploymentsModule, RightsModule],
  controllers: [BulkPreviewController, BulkDeployController, BulkController, OperationsController],
  providers: [
    BulkDeleteService,
    BulkDeployService,
    BulkPreviewService,
    BulkRestoreService,
    BulkSelectionRepository,
    BulkSelectionService,
    OperationChangesService,
    DecidedOperationsRepository,
    OperationIntake,
    OperationQuota,
    OperationViewsRepository,
    OperationViewsService,
  ],
})
export class OperationsApiModule {}
