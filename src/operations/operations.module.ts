import { Module } from '@nestjs/common';
import { DeploymentsModule } from '../deployments/deployments.module';
import { RestoresModule } from '../restores/restores.module';
import { BulkDeletion } from './bulk-deletion';
import { BulkRestoration } from './bulk-restoration';
import { OperationsRepository } from './operations.repository';
import { RunOperationHandler } from './run-operation.handler';

/** Work on many deployments at once: the part that a worker does. The routes are in OperationsApiModule. */
@Module({
  imports: [DeploymentsModule, RestoresModule],
  providers: [BulkDeletion, BulkRestoration, OperationsRepository, RunOperationHandler],
  exports: [OperationsRepository, RunOperationHandler],
})
export class OperationsModule {}
