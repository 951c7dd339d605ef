import { Module } from '@nestjs/common';
import { ChecksRepository } from './checks.repository';
import { ProbeNodeHandler } from './probe-node.handler';
import { Prober } from './prober';

/** Health checks that are made from outside, and what all health checks have found out. WorkerModule runs the job. */
@Module({
  providers: [ChecksRepository, ProbeNodeHandler, Prober],
  exports: [ChecksRepository, ProbeNodeHandler],
})
export class ChecksModule {}
