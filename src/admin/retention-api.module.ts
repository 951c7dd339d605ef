import { Module } from '@nestjs/common';
import { PurgeModule } from '../purge/purge.module';
import { PurgeController } from './purge.controller';
import { RetentionPoliciesController } from './retention-policies.controller';

/** The routes of retention and purge; left out of processes that only work in the background. */
@Module({ imports: [PurgeModule], controllers: [PurgeController, RetentionPoliciesController] })
export class RetentionApiModule {}
