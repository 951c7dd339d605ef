import { Global, Module } from '@nestjs/common';
import { JobQueue } from './job-queue';
import { Notifications } from './notifications';
import { ProgressWatch } from './progress-watch';

@Global()
@Module({ providers: [JobQueue, Notifications, ProgressWatch], exports: [JobQueue, Notifications, ProgressWatch] })
export class JobsModule {}
