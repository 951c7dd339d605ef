import { Module } from '@nestjs/common';
import { DeploymentsModule } from '../deployments/deployments.module';
import { EventsApiModule } from '../events/events-api.module';
import { RuntimeModule } from '../runtime/runtime.module';
import { DeploymentStats } from './deployment-stats';
import { ReplicaStatsController } from './replica-stats.controller';

/** A room of its own, because deployments/ never calls an engine. */
@Module({
  imports: [DeploymentsModule, EventsApiModule, RuntimeModule],
  controllers: [ReplicaStatsController],
  providers: [DeploymentStats],
})
export class ReplicaStatsModule {}
