import { Module } from '@nestjs/common';
import { DeployPreviewController } from './commands/deploy-preview.controller';
import { DeploymentCommandsController } from './commands/deployment-commands.controller';
import { DeploymentViewsController } from './views/deployment-views.controller';
import { DeploymentsModule } from './deployments.module';

/** The routes of deployments; left out of processes that only work in the background. */
@Module({
  imports: [DeploymentsModule],
  controllers: [DeployPreviewController, DeploymentCommandsController, DeploymentViewsController],
})
export class DeploymentsApiModule {}
