import { Module } from '@nestjs/common';
import { VolumesRepository } from './volumes.repository';

/** Volumes of projects. What mounts them is counted in DeploymentsModule; the routes are in VolumeRoutesModule. */
@Module({ providers: [VolumesRepository], exports: [VolumesRepository] })
export class VolumesModule {}
