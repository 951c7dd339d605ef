import { Module } from '@nestjs/common';
import { RetentionModule } from '../retention/retention.module';
import { DeletedDeploymentsRepository } from './deleted-deployments.repository';
import { PurgeBatches } from './purge-batches.service';
import { PurgeMetrics } from './purge-metrics';
import { PurgeHandler } from './purge.handler';
import { PurgeRepository } from './purge.repository';
import { PurgeService } from './purge.service';
import { RetentionChanges } from './retention-changes.service';

/** The end of what was deleted: by the background when its time has come, or by an administrator. */
@Module({
  imports: [RetentionModule],
  providers: [DeletedDeploymentsRepository, PurgeBatches, PurgeHandler, PurgeMetrics, PurgeRepository, PurgeService, RetentionChanges],
  exports: [PurgeHandler, PurgeService, RetentionChanges],
})
export class PurgeModule {}
