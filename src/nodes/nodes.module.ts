import { Module } from '@nestjs/common';
import { JoinTokens } from './join-tokens';
import { NodeRecordsRepository } from './node-records.repository';
import { NodesRepository } from './nodes.repository';
import { NodesService } from './nodes.service';

/** Nodes: their capacity, heartbeats and registration. The routes are in NodesApiModule. */
@Module({
  providers: [JoinTokens, NodesService, NodeRecordsRepository, NodesRepository],
  exports: [NodesRepository, NodesService],
})
export class NodesModule {}
