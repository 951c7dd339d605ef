import { Injectable } from '@nestjs/common';
import { Commands } from '../commands/commands';
import type { RequestContext } from '../common/request-context';
import type { OwnQuota } from '../config/quota-list';
import { requireMatch } from '../deployments/etag';
import { OwnQuotas } from '../quotas/own-quotas.repository';
import type { Project } from './project.types';
import { ProjectsRepository } from './projects.repository';
import { ProjectsService, requireProject } from './projects.service';

/** How much a project may hold, as administrators decide. The quota of a personal project is that of its user. */
@Injectable()
export class ProjectQuotasService {
  constructor(
    private readonly commands: Commands,
    private readonly projects: ProjectsRepository,
    private readonly views: ProjectsService,
    private readonly quotas: OwnQuotas,
  ) {}

  /**
   * Replaces all of its own limits. One below what is held is allowed: it only stops growth. Throws `not_found` and
   * `precondition_failed`.
   */
  set(id: string, quota: OwnQuota, context: RequestContext): Promise<Project> {
    return this.commands.run(context, async (tx) => {
      const project = requireProject(await this.projects.lock(tx, id, context.actor), id, 'project.read');
      requireMatch(context, project.version);
      const before = await this.quotas.set(tx, id, quota);
      return {
        outcome: await this.views.read(tx, id, context.actor),
        audit: {
          action: 'project.set_quota',
          resourceType: 'project',
          resourceId: id,
          before: { quota: before },
          after: { quota },
        },
      };
    });
  }
}
