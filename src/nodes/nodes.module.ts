import { Module } from '@nestjs/common';
import { NodeRecordsRepository } from './node-records.repository';
import { NodesRepository } from './nodes.repository';
import { NodesService } from './nodes.service';

/** Nodes: their capacity, heartbeats and registration. The routes are in NodesApiModule. */
@Module({
  providers: [NodesService, NodeRecordsRepository, NodesRepository],
  exports: [NodesRepository, NodesService],
})
export class NodesModule {}
