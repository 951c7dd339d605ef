import { Module } from '@nestjs/common';
import { DeletionsModule } from '../deletions/deletions.module';
import { BulkController } from './bulk.controller';
import { BulkDeleteService } from './bulk-delete.service';
import { BulkSelectionRepository } from './bulk-selection.repository';
import { BulkPreviewService } from './bulk-preview.service';
import { BulkRestoreService } from './bulk-restore.service';
import { OperationIntake } from './operation-intake';
import { OperationViewsRepository } from './operation-views.repository';
import { OperationsController } from './operations.controller';
import { OperationsModule } from './operations.module';
import { OperationsService } from './operations.service';

/** The routes of operations; left out of processes that only work in the background. */
@Module({
  imports: [OperationsModule, DeletionsModule],
  controllers: [BulkController, OperationsController],
  providers: [
    BulkDeleteService,
    BulkPreviewService,
    BulkRestoreService,
    BulkSelectionRepository,
    OperationIntake,
    OperationViewsRepository,
    OperationsService,
  ],
})
export class OperationsApiModule {}
