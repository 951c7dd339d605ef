import { Module } from '@nestjs/common';
import { DeploymentsModule } from '../deployments/deployments.module';
import { RestorePreviewController } from './restore-preview.controller';
import { RestorePreviewService } from './restore-preview.service';
import { RestoresController } from './restores.controller';
import { RestoresModule } from './restores.module';

/** The route of restores; left out of processes that only work in the background. */
@Module({
  imports: [RestoresModule, DeploymentsModule],
  controllers: [RestorePreviewController, RestoresController],
  providers: [RestorePreviewService],
})
export class RestoresApiModule {}
