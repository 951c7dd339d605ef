import { Module } from '@nestjs/common';
import { DeletionsModule } from '../deletions/deletions.module';
import { RestoresModule } from '../restores/restores.module';
import { BrakeRepository } from './brake.repository';
import { BulkDeletion } from './bulk-deletion';
import { BulkRestoration } from './bulk-restoration';
import { OperationItemsRepository } from './operation-items.repository';
import { OperationWatch } from './operation-watch';
import { OperationsRepository } from './operations.repository';
import { RunOperationHandler } from './run-operation.handler';

/** Work on many deployments at once: the part that a worker does. The routes are in OperationsApiModule. */
@Module({
  imports: [DeletionsModule, RestoresModule],
  providers: [
    BrakeRepository,
    BulkDeletion,
    BulkRestoration,
    OperationItemsRepository,
    OperationsRepository,
    OperationWatch,
    RunOperationHandler,
  ],
  exports: [BrakeRepository, OperationItemsRepository, OperationsRepository, OperationWatch, RunOperationHandler],
})
export class OperationsModule {}
