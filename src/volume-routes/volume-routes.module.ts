import { Module } from '@nestjs/common';
import { DeploymentsModule } from '../deployments/deployments.module';
import { RightsModule } from '../rights/rights.module';
import { VolumesModule } from '../volumes/volumes.module';
import { ProjectVolumesService } from './project-volumes.service';
import { VolumesController } from './volumes.controller';

/** The routes of the volumes of projects. */
@Module({
  imports: [DeploymentsModule, RightsModule, VolumesModule],
  controllers: [VolumesController],
  providers: [ProjectVolumesService],
})
export class VolumeRoutesModule {}
