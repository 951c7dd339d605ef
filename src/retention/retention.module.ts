import { Module } from '@nestjs/common';
import { RetentionPoliciesRepository } from './retention-policies.repository';

/** How long what is deleted is kept. The rule itself is pure: `retentionFor`. */
@Module({ providers: [RetentionPoliciesRepository], exports: [RetentionPoliciesRepository] })
export class RetentionModule {}
