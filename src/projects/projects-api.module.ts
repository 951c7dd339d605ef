import { Module } from '@nestjs/common';
import { DeploymentsModule } from '../deployments/deployments.module';
import { QuotasModule } from '../quotas/quotas.module';
import { RightsModule } from '../rights/rights.module';
import { SecretsModule } from '../secrets/secrets.module';
import { VolumesModule } from '../volumes/volumes.module';
import { GroupsController } from './groups.controller';
import { GroupsService } from './groups.service';
import { MembersController } from './members.controller';
import { MembersRepository } from './members.repository';
import { MembersService } from './members.service';
import { MoveController } from './move.controller';
import { MoveService } from './move.service';
import { ProjectPreviewsService } from './project-previews.service';
import { ProjectQuotasController } from './project-quotas.controller';
import { ProjectQuotasService } from './project-quotas.service';
import { ProjectsController } from './projects.controller';
import { ProjectsRepository } from './projects.repository';
import { ProjectsService } from './projects.service';

/** Projects, who is in them, and the way of a deployment from one to another. */
@Module({
  imports: [DeploymentsModule, QuotasModule, RightsModule, SecretsModule, VolumesModule],
  controllers: [ProjectsController, ProjectQuotasController, MembersController, GroupsController, MoveController],
  providers: [
    ProjectsService,
    ProjectQuotasService,
    ProjectPreviewsService,
    ProjectsRepository,
    GroupsService,
    MembersService,
    MembersRepository,
    MoveService,
  ],
})
export class ProjectsApiModule {}
