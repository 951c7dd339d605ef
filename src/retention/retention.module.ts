import { Module } from '@nestjs/common';
import { DeploymentsModule } from '../deployments/deployments.module';
import { VolumesModule } from '../volumes/volumes.module';
import { DeletedDeploymentsRepository } from './deleted-deployments.repository';
import { PolicyEffects } from './policy-effects';
import { PurgeBatches } from './purge-batches.service';
import { PurgeMetrics } from './purge-metrics';
import { PurgeHandler } from './purge.handler';
import { PurgeRepository } from './purge.repository';
import { PurgeService } from './purge.service';
import { PurgedVolumes } from './purged-volumes';
import { RetentionPoliciesRepository } from './retention-policies.repository';
import { RetentionChanges } from './retention-changes.service';

/**
 * How long deleted deployments are kept, and their purge: in the background when their time has come, or by an
 * administrator. The rule itself is the pure function `retentionFor`.
 */
@Module({
  imports: [DeploymentsModule, VolumesModule],
  providers: [
    PurgedVolumes,
    DeletedDeploymentsRepository,
    PolicyEffects,
    PurgeBatches,
    PurgeHandler,
    PurgeMetrics,
    PurgeRepository,
    PurgeService,
    RetentionChanges,
    RetentionPoliciesRepository,
  ],
  exports: [PurgeHandler, PurgeService, RetentionChanges],
})
export class RetentionModule {}
