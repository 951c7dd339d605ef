import { Module } from '@nestjs/common';
import { DeploymentsModule } from '../deployments/deployments.module';
import { NodesModule } from '../nodes/nodes.module';
import { RoutesModule } from '../routing/routes.module';
import { RuntimeModule } from '../runtime/runtime.module';
import { SecretsModule } from '../secrets/secrets.module';
import { RestorationRepository } from './restoration.repository';
import { ImageCheck } from './image-check';
import { RestoreService } from './restore.service';

/** Restores of deleted deployments. A room of its own because it asks engines for images, which deployments/ may not. */
@Module({
  imports: [DeploymentsModule, NodesModule, RoutesModule, RuntimeModule, SecretsModule],
  providers: [ImageCheck, RestorationRepository, RestoreService],
  exports: [ImageCheck, RestorationRepository, RestoreService],
})
export class RestoresModule {}
