import { Module } from '@nestjs/common';
import { DeploymentsModule } from '../deployments/deployments.module';
import { EventsApiModule } from '../events/events-api.module';
import { DeploymentEventsController } from './deployment-events.controller';
import { DeploymentFactsRepository } from './deployment-facts.repository';
import { DeploymentWatch } from './deployment-watch';
import { WaitController } from './wait.controller';
import { WaitService } from './wait.service';

/** Routes that stay open while a deployment changes. */
@Module({
  imports: [DeploymentsModule, EventsApiModule],
  controllers: [DeploymentEventsController, WaitController],
  providers: [DeploymentFactsRepository, DeploymentWatch, WaitService],
})
export class WatchingModule {}
