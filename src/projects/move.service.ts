import { Injectable } from '@nestjs/common';
import { Commands, UNCHANGED } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import { violatedConstraint } from '../database/postgres-error';
import type { Tx } from '../database/transaction';
import { nameInUse } from '../deployments/commands/deploy.service';
import { DeploymentsRepository, type LockedDeployment } from '../deployments/deployments.repository';
import { requireMatch } from '../deployments/etag';
import { Quota, type QuotaDemand } from '../deployments/quota';
import { requireLive } from '../deployments/refusals';
import { SecretUsesRepository } from '../deployments/secret-uses.repository';
import { VolumeUsesRepository } from '../deployments/volumes/volume-uses.repository';
import { Events } from '../events/events';
import { relyOnRole } from '../rights/acts';
import { ProjectAccess } from '../rights/project-access';
import { requireRole } from '../rights/rights';
import { ProjectsRepository } from './projects.repository';

export interface Moved {
  readonly id: string;
  readonly projectId: string;
  /** The name of the project that it is in now. */
  readonly project: string;
  readonly hasMoved: boolean;
}

/** Moves a deployment to another project, for maintainers of both. What runs goes on running. */
@Injectable()
export class MoveService {
  constructor(
    private readonly commands: Commands,
    private readonly deployments: DeploymentsRepository,
    private readonly access: ProjectAccess,
    private readonly projects: ProjectsRepository,
    private readonly quota: Quota,
    private readonly events: Events,
    private readonly uses: SecretUsesRepository,
    private readonly volumes: VolumeUsesRepository,
  ) {}

  /**
   * Throws `not_found` for the deployment and the project, `role_required`, `precondition_failed`, `already_exists` when a live
   * deployment there has the name, `quota_exceeded`, and `conflict` while it has routes, uses secrets or mounts volumes, which
   * belong to the project.
   */
  async move(id: string, ref: string, context: RequestContext): Promise<Moved> {
    let name = '';
    const moved = this.commands.run(context, async (tx) => {
      const { actor } = context;
      const deployment = requireLive(await this.deployments.lock(tx, id, actor), id);
      ({ name } = deployment);
      requireRole(deployment.role, 'deployment.move');
      relyOnRole(tx, { projectId: deployment.projectId, act: 'deployment.move' }, actor);
      requireMatch(context, deployment.version);
      const target = await this.access.hold(tx, ref, 'deployment.move', actor);
      const outcome = { id, projectId: target.id, project: target.name };
      if (target.id === deployment.projectId) return { outcome: { ...outcome, hasMoved: false }, audit: UNCHANGED };
      if (await this.deployments.hasRoutes(tx, id)) throw hasRoutes();
      const secrets = await this.uses.usedBy(tx, id);
      if (secrets.length > 0) throw usesSecrets(secrets);
      const volumes = await this.volumes.mountedBy(tx, id);
      if (volumes.length > 0) throw mountsVolumes(volumes);
      const { userId, demand } = await this.destination(tx, { deployment, target, mover: actor });
      if (demand) await this.quota.require(tx, demand);
      const from = await this.deployments.move(tx, id, { projectId: target.id, userId });
      await this.events.record(tx, [{ type: 'fog.deployment.moved', deploymentId: id, data: { from, to: target.name } }]);
      return {
        outcome: { ...outcome, hasMoved: true },
        audit: {
          action: 'deployment.move',
          resourceType: 'deployment',
          resourceId: id,
          before: { project_id: deployment.projectId, user_id: deployment.userId },
          after: { project_id: target.id, user_id: userId },
        },
      };
    });
    try {
      return await moved;
    } catch (error) {
      throw violatedConstraint(error) === 'uq_deployments_live_name' ? nameInUse(name) : error;
    }
  }

  /**
   * In whose quota it would count: in a personal project that of its user; else it stays with its user, if that is a member there, or
   * comes to who moves it. `demand` is what the move asks of quotas; null: nothing.
   */
  async destination(tx: Tx, { deployment, target, mover }: Moving): Promise<{ userId: string; demand: QuotaDemand | null }> {
    const { id, userId: before } = deployment;
    const staysWith = async (): Promise<string> => ((await this.projects.roleOf(tx, target.id, before)) === null ? mover.userId : before);
    const userId = target.isPersonal ? target.id : await staysWith();
    const asked = userId === before ? null : userId;
    // In a personal project the user is all that counts.
    if (asked === null && target.isPersonal) return { userId, demand: null };
    return { userId, demand: { userId: asked, projectId: target.id, asker: mover, amounts: await this.quota.amountsOf(tx, id) } };
  }
}

interface Moving {
  readonly deployment: LockedDeployment;
  readonly target: { readonly id: string; readonly isPersonal: boolean };
  readonly mover: Actor;
}

/** The refusal for a deployment that has routes. */
export const hasRoutes = (): DomainError => new DomainError('conflict', HAS_ROUTES);

const HAS_ROUTES =
  'The hosts of its routes belong to its project. Take the routes away first (PATCH with routes []), and give it others after the move';

/** The refusal for a deployment that uses these secrets. */
export const usesSecrets = (names: readonly string[]): DomainError =>
  new DomainError(
    'conflict',
    `It uses secrets of its project: ${names.join(', ')}. Take them away first (PATCH with secret_env), and give it others after the move`,
  );

/** The refusal for a deployment that mounts these volumes. */
export const mountsVolumes = (names: readonly string[]): DomainError =>
  new DomainError(
    'conflict',
    `It mounts volumes of its project: ${names.join(', ')}. Their data cannot follow it; take them away first (PATCH with volumes [])`,
  );
