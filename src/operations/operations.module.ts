import { Module } from '@nestjs/common';
import { DeletionsModule } from '../deletions/deletions.module';
import { RestoresModule } from '../restores/restores.module';
import { BulkDeletion } from './bulk-deletion';
import { BulkRestoration } from './bulk-restoration';
import { OperationsRepository } from './operations.repository';
import { RunOperationHandler } from './run-operation.handler';

/** Work on many deployments at once: the part that a worker does. The routes are in OperationsApiModule. */
@Module({
  imports: [DeletionsModule, RestoresModule],
  providers: [BulkDeletion, BulkRestoration, OperationsRepository, RunOperationHandler],
  exports: [OperationsRepository, RunOperationHandler],
})
export class OperationsModule {}
