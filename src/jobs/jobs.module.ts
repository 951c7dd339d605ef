import { Global, Module } from '@nestjs/common';
import { JobQueue } from './job-queue';
import { Notifications } from './notifications';

@Global()
@Module({ providers: [JobQueue, Notifications], exports: [JobQueue, Notifications] })
export class JobsModule {}
