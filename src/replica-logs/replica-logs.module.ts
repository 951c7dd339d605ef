import { Module } from '@nestjs/common';
import { DeploymentsModule } from '../deployments/deployments.module';
import { EventsApiModule } from '../events/events-api.module';
import { RuntimeModule } from '../runtime/runtime.module';
import { LiveReplicasWatch } from './following/live-replicas-watch';
import { LogFollowingService } from './following/log-following.service';
import { LogBudget } from './log-budget';
import { ReplicaLogsController } from './replica-logs.controller';
import { ReplicaLogsService } from './replica-logs.service';

/** A room of its own, because deployments/ never calls an engine. */
@Module({
  imports: [DeploymentsModule, EventsApiModule, RuntimeModule],
  controllers: [ReplicaLogsController],
  providers: [LiveReplicasWatch, LogBudget, LogFollowingService, ReplicaLogsService],
})
export class ReplicaLogsModule {}
