import { Module } from '@nestjs/common';
import { DeletedDeploymentsRepository } from './deleted-deployments.repository';
import { PolicyEffects } from './policy-effects';
import { PurgeBatches } from './purge-batches.service';
import { PurgeMetrics } from './purge-metrics';
import { PurgeHandler } from './purge.handler';
import { PurgeRepository } from './purge.repository';
import { PurgeService } from './purge.service';
import { RetentionPoliciesRepository } from './retention-policies.repository';
import { RetentionChanges } from './retention-changes.service';

/** How long what is deleted is kept, and its end: by the background when its time has come, or by an administrator. The rule itself is pure: `retentionFor`. */
@Module({
  providers: [
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
