import { Module } from '@nestjs/common';
import { DeploymentsModule } from '../deployments/deployments.module';
import { RightsModule } from '../rights/rights.module';
import { RoutesModule } from '../routing/routes.module';
import { SecretsModule } from '../secrets/secrets.module';
import { AgainService } from './again.service';
import { ChangeApplier } from './change-applier';
import { ChangePreviews } from './change-previews';
import { ChangePreviewsController } from './change-previews.controller';
import { ChangeService } from './change.service';
import { ChangesController } from './changes.controller';
import { NamedDeploymentsController } from './named-deployments.controller';
import { NamedDeploymentsService } from './named-deployments.service';
import { RevisionListService } from './revision-list.service';
import { RevisionStart } from './revision-start';
import { RevisionsController } from './revisions.controller';
import { RolloutVerbsService } from './rollout-verbs.service';
import { RolloutsController } from './rollouts.controller';
import { StoredStateRepository } from './stored-state.repository';
import { RouteChanges } from './route-changes';

/** The routes that change deployments, and their revisions and rollouts. The reconciler rolls out; here is what users want. */
@Module({
  imports: [DeploymentsModule, RightsModule, RoutesModule, SecretsModule],
  controllers: [ChangePreviewsController, ChangesController, NamedDeploymentsController, RevisionsController, RolloutsController],
  providers: [
    AgainService,
    ChangeApplier,
    ChangePreviews,
    ChangeService,
    NamedDeploymentsService,
    RevisionListService,
    RevisionStart,
    RouteChanges,
    RolloutVerbsService,
    StoredStateRepository,
  ],
  exports: [RevisionStart, StoredStateRepository],
})
export class RolloutsApiModule {}
