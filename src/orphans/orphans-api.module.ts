import { Module } from '@nestjs/common';
import { DeploymentsModule } from '../deployments/deployments.module';
import { RoutesModule } from '../routing/routes.module';
import { AdoptService } from './adopt.service';
import { AdoptionRepository } from './adoption.repository';
import { OrphanDecision } from './orphan-decision';
import { OrphansController } from './orphans.controller';
import { OrphansRepository } from './orphans.repository';
import { OrphansService } from './orphans.service';
import { ReapService } from './reap.service';

/** The routes of orphans; left out of processes that only work in the background. */
@Module({
  imports: [DeploymentsModule, RoutesModule],
  controllers: [OrphansController],
  providers: [AdoptService, AdoptionRepository, OrphanDecision, OrphansRepository, OrphansService, ReapService],
})
export class OrphansApiModule {}
