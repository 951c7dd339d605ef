import { Module } from '@nestjs/common';
import { SightingsRepository } from './sightings.repository';

/** What the background notes of orphans. */
@Module({ providers: [SightingsRepository], exports: [SightingsRepository] })
export class OrphansModule {}
