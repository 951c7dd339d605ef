import { Module } from '@nestjs/common';
import { DeletionsController } from './deletion/deletions.controller';
import { DeploymentCommandsController } from './commands/deployment-commands.controller';
import { DeploymentViewsController } from './views/deployment-views.controller';
import { DeploymentsModule } from './deployments.module';
import { ProtectionsController } from './deletion/protections.controller';

/** The routes of deployments; left out of processes that only work in the background. */
@Module({
  imports: [DeploymentsModule],
  controllers: [DeploymentCommandsController, DeploymentViewsController, DeletionsController, ProtectionsController],
})
export class DeploymentsApiModule {}
