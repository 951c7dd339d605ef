import { Module } from '@nestjs/common';
import { NodesController } from './nodes.controller';
import { NodesModule } from './nodes.module';

/** The routes of nodes; left out of processes that only work in the background. */
@Module({ imports: [NodesModule], controllers: [NodesController] })
export class NodesApiModule {}
