import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DomainError } from '../common/problem/domain-error';
import type { Actor } from '../common/request-context';
import { inTransaction, type Tx } from '../database/transaction';
import { nameInUse } from '../deployments/commands/deploy.service';
import { DeploymentsRepository } from '../deployments/deployments.repository';
import { Quota, type QuotaDemand } from '../deployments/quota';
import { requireLive } from '../deployments/refusals';
import { SecretUsesRepository } from '../deployments/secret-uses.repository';
import { VolumeUsesRepository } from '../deployments/volumes/volume-uses.repository';
import { ProjectAccess } from '../rights/project-access';
import { requireRole } from '../rights/rights';
import { ObstacleDto, type MovePreviewDto, type ProjectDeletionPreviewDto } from './dto/preview.dto';
import { hasRoutes, mountsVolumes, MoveService, usesSecrets } from './move.service';
import { personalProject, projectInUse, ProjectsService } from './projects.service';

/** What a move, and the deletion of a project, would do. Writes nothing. */
@Injectable()
export class ProjectPreviewsService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly deployments: DeploymentsRepository,
    private readonly access: ProjectAccess,
    private readonly projects: ProjectsService,
    private readonly moves: MoveService,
    private readonly quota: Quota,
    private readonly uses: SecretUsesRepository,
    private readonly volumes: VolumeUsesRepository,
  ) {}

  /** Throws `not_found` and `role_required`; all else that a move would throw is an obstacle in the answer. */
  move(id: string, ref: string, actor: Actor): Promise<MovePreviewDto> {
    return inTransaction(this.dataSource, async (tx) => {
      const deployment = requireLive(await this.deployments.lock(tx, id, actor), id);
      requireRole(deployment.role, 'deployment.move');
      const target = await this.access.hold(tx, ref, 'deployment.move', actor);
      const place = { dry_run: true, deployment_id: id, project_id: target.id, project: target.name } as const;
      if (target.id === deployment.projectId) return { ...place, user_id: deployment.userId, possible: true, obstacles: [] };
      const { userId, demand } = await this.moves.destination(tx, { deployment, target, mover: actor });
      const secrets = await this.uses.usedBy(tx, id);
      const volumes = await this.volumes.mountedBy(tx, id);
      const obstacles = [
        ...((await this.deployments.hasRoutes(tx, id)) ? [hasRoutes()] : []),
        ...(secrets.length > 0 ? [usesSecrets(secrets)] : []),
        ...(volumes.length > 0 ? [mountsVolumes(volumes)] : []),
        ...((await this.deployments.hasName(tx, target.id, deployment.name)) ? [nameInUse(deployment.name)] : []),
        ...(demand ? await this.beyond(tx, demand) : []),
      ];
      return { ...place, user_id: userId, possible: obstacles.length === 0, obstacles: obstacles.map((each) => ObstacleDto.of(each)) };
    });
  }

  /** Throws as `move` does. */
  async deletion(id: string, actor: Actor): Promise<ProjectDeletionPreviewDto> {
    const project = await this.projects.get(id, actor);
    requireRole(project.role, 'project.delete');
    const { deployments: live } = project;
    const unmounted = await this.volumes.unmounted(this.dataSource, id);
    const obstacles = [
      ...(project.isPersonal ? [personalProject(GOES_WITH_USER)] : []),
      ...(live > 0 ? [projectInUse(project, live)] : []),
    ];
    return {
      dry_run: true,
      project_id: id,
      possible: obstacles.length === 0,
      obstacles: obstacles.map((each) => ObstacleDto.of(each)),
      live_deployments: live,
      kept_deployments: project.held.kept_deployments,
      members: project.members,
      volumes: unmounted.map(({ name }) => name),
    };
  }

  private async beyond(tx: Tx, demand: QuotaDemand): Promise<DomainError[]> {
    try {
      await this.quota.check(tx, demand);
      return [];
    } catch (error) {
      if (error instanceof DomainError) return [error];
      throw error;
    }
  }
}

const GOES_WITH_USER = 'goes with its user and cannot be deleted';
