import { Module } from '@nestjs/common';
import { OwnQuotas } from './own-quotas.repository';
import { QuotaLimits } from './quota-limits';

/** How much users and projects may hold. What they do hold is counted by the rooms that write it. */
@Module({ providers: [OwnQuotas, QuotaLimits], exports: [OwnQuotas, QuotaLimits] })
export class QuotasModule {}
