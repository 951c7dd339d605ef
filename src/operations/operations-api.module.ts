import { Module } from '@nestjs/common';
import { DeletionsModule } from '../deletions/deletions.module';
import { BulkController } from './bulk.controller';
import { BulkDeleteService } from './bulk-delete.service';
import { BulkPreviewService } from './bulk-preview.service';
import { BulkRestoreService } from './bulk-restore.service';
import { BulkSelectionRepository } from './bulk-selection.repository';
import { BulkSelectionService } from './bulk-selection.service';
import { OperationChangesService } from './operation-changes.service';
import { OperationIntake } from './operation-intake';
import { OperationViewsRepository } from './operation-views.repository';
import { OperationViewsService } from './operation-views.service';
import { OperationsController } from './operations.controller';
import { OperationsModule } from './operations.module';

/** The routes of operations; left out of processes that only work in the background. */
@Module({
  imports: [OperationsModule, DeletionsModule],
  controllers: [BulkController, OperationsController],
  providers: [
    BulkDeleteService,
    BulkPreviewService,
    BulkRestoreService,
    BulkSelectionRepository,
    BulkSelectionService,
    OperationChangesService,
    OperationIntake,
    OperationViewsRepository,
    OperationViewsService,
  ],
})
export class OperationsApiModule {}
