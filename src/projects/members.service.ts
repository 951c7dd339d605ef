import { Injectable } from '@nestjs/common';
import type { AuditEntry } from '../audit/audit';
import { Commands, UNCHANGED } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import type { Tx } from '../database/transaction';
import { requireMatch } from '../deployments/etag';
import { MembershipNews } from '../rights/membership-news';
import { requireRole, type Role } from '../rights/rights';
import { MembersRepository } from './members.repository';
import { MOST_MEMBERS, type LockedProject, type Member } from './project.types';
import { ProjectsRepository } from './projects.repository';
import { ProjectsService, requireProject, requireShared } from './projects.service';

/** Who is in a project, and with which role. The lock of the project decides between changes at the same time. */
@Injectable()
export class MembersService {
  constructor(
    private readonly commands: Commands,
    private readonly projects: ProjectsRepository,
    private readonly members: MembersRepository,
    private readonly views: ProjectsService,
    private readonly news: MembershipNews,
  ) {}

  /** By user name, with the version of the project. Throws `not_found` and `role_required`. */
  async page(
    id: string,
    page: { readonly limit: number; readonly offset: number },
    actor: Actor,
  ): Promise<{ rows: Member[]; total: number; version: number }> {
    const { members: total, version, role } = await this.views.get(id, actor);
    requireRole(role, 'members.read');
    return { rows: await this.members.page(id, page), total, version };
  }

  /**
   * Adds the user with this id or name, or changes the role. Throws `not_found`, `role_required`, `precondition_failed`, and
   * `conflict` for a personal project and for the last maintainer.
   */
  put(id: string, { user, role }: { readonly user: string; readonly role: Role }, context: RequestContext): Promise<Member> {
    return this.commands.run(context, async (tx) => {
      const project = requireProject(await this.projects.lock(tx, id, context.actor), id, 'members.change');
      requireShared(project, 'has no other members than its user');
      requireMatch(context, project.version);
      const userId = await this.members.userId(tx, user);
      if (userId === null) throw new DomainError('not_found', `User ${user} not found`);
      const before = await this.members.find(tx, id, userId);
      if (before?.directRole === role) return { outcome: before, audit: UNCHANGED };
      await this.requireRoom(tx, project, { before, role });
      await this.members.put(tx, { projectId: id, userId, role });
      const after = await this.tell(tx, project, { userId, before });
      if (!after) throw new Error(`${userId} did not become a member of ${id}`);
      return { outcome: after, audit: memberEntry('put_member', id, { userId, before: before?.directRole ?? null, after: role }) };
    });
  }

  /** Everybody may leave. Throws as `put` does, `not_found` for who is no member, and `conflict` for a member by a group only. */
  remove(id: string, user: string, context: RequestContext): Promise<void> {
    const { actor } = context;
    return this.commands.run(context, async (tx) => {
      const project = requireProject(await this.projects.lock(tx, id, actor), id, 'members.read');
      const userId = await this.members.userId(tx, user);
      if (userId !== actor.userId) requireProject(project, id, 'members.change');
      requireShared(project, 'is never left by its user');
      requireMatch(context, project.version);
      const before = userId === null ? null : await this.members.find(tx, id, userId);
      if (!before) throw new DomainError('not_found', `User ${user} is not a member of the project`);
      if (before.directRole === null) throw byGroupOnly(user);
      await this.requireRoom(tx, project, { before, role: null });
      await this.members.remove(tx, id, before.userId);
      await this.tell(tx, project, { userId: before.userId, before });
      return {
        outcome: undefined,
        audit: memberEntry('remove_member', id, { userId: before.userId, before: before.directRole, after: null }),
      };
    });
  }

  /** One maintainer always remains, and there are not too many members. */
  private async requireRoom(
    tx: Tx,
    project: LockedProject,
    { before, role }: { readonly before: Member | null; readonly role: Role | null },
  ): Promise<void> {
    const { members, maintainers } = await this.members.count(tx, project.id);
    if (before?.directRole === 'maintainer' && role !== 'maintainer' && maintainers === 1)
      throw new DomainError('conflict', 'This is the last maintainer of the project. Make somebody else a maintainer first.');
    if (!before && role !== null && members >= MOST_MEMBERS)
      throw new DomainError('conflict', `The project has ${MOST_MEMBERS} members already. Remove one first.`);
  }

  /** Gives the member as it is now. */
  private async tell(
    tx: Tx,
    project: LockedProject,
    { userId, before }: { readonly userId: string; readonly before: Member | null },
  ): Promise<Member | null> {
    await this.projects.touch(tx, project.id);
    const after = await this.members.find(tx, project.id, userId);
    const change = { projectId: project.id, project: project.name, userId, before: before?.role ?? null, after: after?.role ?? null };
    await this.news.tell(tx, [change], { byGroup: false });
    return after;
  }
}

const byGroupOnly = (user: string): DomainError =>
  new DomainError(
    'conflict',
    `User ${user} is a member by a group of your identity provider. Take the role of the group away, or the user out of it.`,
  );

const memberEntry = (
  verb: 'put_member' | 'remove_member',
  projectId: string,
  { userId, before, after }: { readonly userId: string; readonly before: Role | null; readonly after: Role | null },
): AuditEntry => ({
  action: `project.${verb}`,
  resourceType: 'project',
  resourceId: projectId,
  before: { user_id: userId, role: before },
  after: { user_id: userId, role: after },
});
