import { Injectable } from '@nestjs/common';
import type { AuditEntry } from '../audit/audit';
import { Commands, UNCHANGED } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import { violatedConstraint } from '../database/postgres-error';
import type { Tx } from '../database/transaction';
import { requireMatch } from '../deployments/etag';
import { Events } from '../events/events';
import { projectNotFound } from '../rights/project-refusals';
import { requireRole, type Act } from '../rights/rights';
import { RegistriesRepository } from '../secrets/registries.repository';
import { SecretsRepository } from '../secrets/secrets.repository';
import { VolumeUsesRepository } from '../deployments/volumes/volume-uses.repository';
import { VolumesRepository } from '../volumes/volumes.repository';
import type { LockedProject, Project, ProjectWords } from './project.types';
import { ProjectsRepository } from './projects.repository';

/** So many projects may a user have made that are there; administrators may make more. */
const MOST_PER_USER = 100;

export interface DeletedProject {
  readonly id: string;
  readonly name: string;
}

/** Makes, shows, changes and deletes projects. Personal ones come with their users and neither change nor go. */
@Injectable()
export class ProjectsService {
  constructor(
    private readonly commands: Commands,
    private readonly projects: ProjectsRepository,
    private readonly secrets: SecretsRepository,
    private readonly registries: RegistriesRepository,
    private readonly uses: VolumeUsesRepository,
    private readonly volumes: VolumesRepository,
    private readonly events: Events,
  ) {}

  /** Throws `not_found`. */
  async get(id: string, actor: Actor): Promise<Project> {
    const project = await this.projects.find(id, actor);
    if (!project) throw projectNotFound(id);
    return project;
  }

  /** Throws `admin_required` when those of others are asked for. */
  page(
    query: { readonly all: boolean; readonly limit: number; readonly offset: number },
    actor: Actor,
  ): Promise<{ rows: Project[]; total: number }> {
    if (query.all && !actor.isAdmin) throw new DomainError('admin_required', 'Only administrators may list the projects of others');
    return this.projects.page(actor, query);
  }

  /** The maker is its first maintainer. Throws `already_exists` for a name that a project or a user has. */
  create(words: ProjectWords, context: RequestContext): Promise<Project> {
    const { actor } = context;
    return unlessTaken(
      words.name,
      this.commands.run(context, async (tx) => {
        if ((await this.projects.countMadeBy(tx, actor.userId)) >= MOST_PER_USER && !actor.isAdmin)
          throw new DomainError('conflict', `You have made ${MOST_PER_USER} projects already. Delete one first.`);
        const id = await this.projects.insert(tx, words, actor.userId);
        return { outcome: await this.read(tx, id, actor), audit: { ...projectEntry('create', id), after: { ...words } } };
      }),
    );
  }

  /** What is absent stays. Throws `not_found`, `role_required`, `precondition_failed`, `already_exists`, and `conflict` for a personal one. */
  change(id: string, change: Partial<ProjectWords>, context: RequestContext): Promise<Project> {
    const { actor } = context;
    return unlessTaken(
      change.name ?? '',
      this.commands.run(context, async (tx) => {
        const before = requireProject(await this.projects.lock(tx, id, actor), id, 'project.change');
        requireShared(before, 'has the name of its user and cannot change');
        requireMatch(context, before.version);
        const after = { name: change.name ?? before.name, description: change.description ?? before.description };
        const isSame = after.name === before.name && after.description === before.description;
        if (!isSame) await this.projects.change(tx, id, after);
        const { name, description } = before;
        const audit = { ...projectEntry('change', id), before: { name, description }, after };
        return { outcome: await this.read(tx, id, actor), audit: isSame ? UNCHANGED : audit };
      }),
    );
  }

  /**
   * Its secrets, registries and volumes go, but for volumes that kept deployments mount: these go with the last of them.
   * Deployments that are deleted and kept stay until they are purged, but cannot be restored. All members are told.
   * Throws `not_found`, `role_required`, `precondition_failed`, `project_in_use` while there are live deployments, and `conflict` for a personal one.
   */
  remove(id: string, context: RequestContext): Promise<DeletedProject> {
    return this.commands.run(context, async (tx) => {
      const project = requireProject(await this.projects.lockWhole(tx, id, context.actor), id, 'project.delete');
      requireShared(project, 'goes with its user and cannot be deleted');
      requireMatch(context, project.version);
      const live = await this.projects.countLive(tx, id);
      if (live > 0) throw projectInUse(project, live);
      await this.projects.markDeleted(tx, id);
      await this.secrets.removeAll(tx, id);
      await this.registries.removeAll(tx, id);
      await this.volumes.lockProjects(tx, [id]);
      const unmounted = await this.uses.unmounted(tx, id);
      const removed = await this.volumes.markRemoving(
        tx,
        unmounted.map((volume) => volume.id),
      );
      const { name } = project;
      const told = { type: 'fog.project.deleted', data: { changed_by: context.actor.userId } } as const;
      await this.events.tellMembers(tx, { projectId: id, least: 'viewer' }, told);
      return {
        outcome: { id, name },
        audit: { ...projectEntry('delete', id), before: { name }, after: { volumes: removed.map((volume) => volume.name) } },
        jobs: removed.map((volume) => ({ kind: 'volume.remove' as const, key: volume.id })),
      };
    });
  }

  /** As this transaction has left it. */
  async read(tx: Tx, id: string, actor: Actor): Promise<Project> {
    const project = await this.projects.find(id, actor, tx);
    if (!project) throw new Error(`Project ${id} is gone`);
    return project;
  }
}

const projectEntry = (verb: 'create' | 'change' | 'delete', id: string): AuditEntry => ({
  action: `project.${verb}`,
  resourceType: 'project',
  resourceId: id,
});

/** Throws `not_found`, or `role_required` for members whose role does not reach. */
export function requireProject(project: LockedProject | null, id: string, act: Act): LockedProject {
  if (!project) throw projectNotFound(id);
  requireRole(project.role, act);
  return project;
}

/** Throws `conflict` for a personal project. */
export function requireShared({ isPersonal }: LockedProject, why: string): void {
  if (isPersonal) throw personalProject(why);
}

/** The refusal for what a personal project does not allow. */
export const personalProject = (why: string): DomainError =>
  new DomainError('conflict', `A personal project ${why}. Make another project to share.`);

/** The refusal for the deletion of a project with live deployments. */
export function projectInUse({ name }: Pick<LockedProject, 'name'>, live: number): DomainError {
  const words = `Project ${name} has ${live} live ${live === 1 ? 'deployment' : 'deployments'}; delete them first, or move them away`;
  return new DomainError('project_in_use', words, { members: { deployments: live } });
}

async function unlessTaken<T>(name: string, change: Promise<T>): Promise<T> {
  try {
    return await change;
  } catch (error) {
    if (violatedConstraint(error) !== 'uq_projects_name') throw error;
    throw new DomainError('already_exists', `The name ${name} is taken by a project or a user`);
  }
}
