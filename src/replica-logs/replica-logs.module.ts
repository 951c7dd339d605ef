import { Module } from '@nestjs/common';
import { DeploymentsModule } from '../deployments/deployments.module';
import { NodesModule } from '../nodes/nodes.module';
import { RuntimeModule } from '../runtime/runtime.module';
import { ReplicaLogsController } from './replica-logs.controller';
import { ReplicaLogsService } from './replica-logs.service';

/** A room of its own, because deployments/ never calls an engine. */
@Module({ imports: [DeploymentsModule, NodesModule, RuntimeModule], controllers: [ReplicaLogsController], providers: [ReplicaLogsService] })
export class ReplicaLogsModule {}
