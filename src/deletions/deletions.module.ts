import { Module } from '@nestjs/common';
import { DeploymentsModule } from '../deployments/deployments.module';
import { NodesModule } from '../nodes/nodes.module';
import { DeleteService } from './delete.service';
import { DeletionDecision } from './deletion-decision';
import { DeletionsRepository } from './deletions.repository';
import { ForceRelease } from './force-release';
import { HastenTeardown } from './hasten-teardown';
import { TeardownWatch } from './teardown-watch';

/** Deletions: the decision, and what the teardown needs of it. The routes are in DeletionsApiModule. */
@Module({
  imports: [DeploymentsModule, NodesModule],
  providers: [DeleteService, DeletionDecision, DeletionsRepository, ForceRelease, HastenTeardown, TeardownWatch],
  exports: [DeleteService, DeletionDecision, DeletionsRepository, ForceRelease],
})
export class DeletionsModule {}
