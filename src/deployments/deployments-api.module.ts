import { Module } from '@nestjs/common';
import { DeletionsController } from './deletions.controller';
import { DeploymentCommandsController } from './deployment-commands.controller';
import { DeploymentViewsController } from './deployment-views.controller';
import { DeploymentsModule } from './deployments.module';
import { ProtectionsController } from './protections.controller';

/** The routes of deployments; left out of processes that only work in the background. */
@Module({
  imports: [DeploymentsModule],
  controllers: [DeploymentCommandsController, DeploymentViewsController, DeletionsController, ProtectionsController],
})
export class DeploymentsApiModule {}
