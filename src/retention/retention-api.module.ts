import { Module } from '@nestjs/common';
import { PolicyPreviewsController } from './policy-previews.controller';
import { PurgePreviewController } from './purge-preview.controller';
import { PurgeController } from './purge.controller';
import { RetentionModule } from './retention.module';
import { RetentionPoliciesController } from './retention-policies.controller';

/** The routes of retention and purge; left out of processes that only work in the background. */
@Module({
  imports: [RetentionModule],
  controllers: [PurgePreviewController, PolicyPreviewsController, PurgeController, RetentionPoliciesController],
})
export class RetentionApiModule {}
