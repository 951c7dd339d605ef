import { Global, Module } from '@nestjs/common';
import { JobQueue } from './job-queue';
import { PubSub } from '../database/pub-sub';
import { ProgressWatch } from './progress-watch';

@Global()
@Module({ providers: [JobQueue, PubSub, ProgressWatch], exports: [JobQueue, PubSub, ProgressWatch] })
export class JobsModule {}
