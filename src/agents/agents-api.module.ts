import { Module } from '@nestjs/common';
import { DeploymentsModule } from '../deployments/deployments.module';
import { RuntimeModule } from '../runtime/runtime.module';
import { AccountsRepository } from './accounts.repository';
import { Admission } from './admission';
import { AgentMetrics } from './agent-metrics';
import { AgentsController } from './agents.controller';
import { CallServer } from './call-server';
import { FailedJoins } from './failed-joins';
import { IdentitiesRepository } from './identities.repository';
import { JoinService } from './join.service';
import { LinkServer } from './link-server';
import { Links } from './links';
import { LinksRepository } from './links.repository';
import { OrdersRepository } from './orders.repository';
import { ReportsRepository } from './reports.repository';
import { Rivals } from './rivals';
import { Tickets } from './tickets';

/** Machines that only dial out: how they join, and the links over which they get orders and report. Only processes with routes hold links. */
@Module({
  imports: [DeploymentsModule, RuntimeModule],
  controllers: [AgentsController],
  providers: [
    AccountsRepository,
    Admission,
    AgentMetrics,
    CallServer,
    FailedJoins,
    IdentitiesRepository,
    JoinService,
    LinkServer,
    Links,
    LinksRepository,
    OrdersRepository,
    ReportsRepository,
    Rivals,
    Tickets,
  ],
})
export class AgentsApiModule {}
