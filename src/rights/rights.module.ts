import { Module } from '@nestjs/common';
import { GroupRoles } from './group-roles';
import { ProjectAccess } from './project-access';

/** Finds projects for those who may work in them. */
@Module({ providers: [GroupRoles, ProjectAccess], exports: [GroupRoles, ProjectAccess] })
export class RightsModule {}
