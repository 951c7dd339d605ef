import { Global, Module } from '@nestjs/common';
import { ClockWatch } from '../database/clock-watch';
import { JobQueue } from './job-queue';
import { PubSub } from '../database/pub-sub';
import { ProgressWatch } from './progress-watch';

@Global()
@Module({ providers: [ClockWatch, JobQueue, PubSub, ProgressWatch], exports: [ClockWatch, JobQueue, PubSub, ProgressWatch] })
export class JobsModule {}
