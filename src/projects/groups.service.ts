import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { AuditEntry } from '../audit/audit';
import { groupEntries } from '../audit/group-entries';
import { Commands, UNCHANGED } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import type { Tx } from '../database/transaction';
import { requireMatch } from '../deployments/etag';
import { GroupRoles } from '../rights/group-roles';
import { requireRole, type Role } from '../rights/rights';
import { MembersRepository } from './members.repository';
import { MOST_MEMBERS } from './project.types';
import { ProjectsRepository } from './projects.repository';
import { ProjectsService, requireProject, requireShared } from './projects.service';

const MOST_GROUPS = 100;
const NOT_IN_IT = 'Only administrators give a role to a group that they are not in';

/** A group of the outside identity provider with its role in a project. */
export interface MappedGroup {
  readonly group: string;
  readonly role: Role;
  readonly addedAt: Date;
}

/** Which groups have which role in a project. Who is known to be in such a group becomes a member at once, the others when they come. */
@Injectable()
export class GroupsService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly commands: Commands,
    private readonly projects: ProjectsRepository,
    private readonly members: MembersRepository,
    private readonly views: ProjectsService,
    private readonly roles: GroupRoles,
  ) {}

  /** By name. Throws `not_found` and `role_required`. */
  async list(id: string, actor: Actor): Promise<MappedGroup[]> {
    requireRole((await this.views.get(id, actor)).role, 'members.read');
    return this.read(this.dataSource, id);
  }

  /**
   * Who maps a group sees who is in it, so only administrators, and those who are in it themselves, map a new one. Throws `not_found`,
   * `role_required`, `admin_required`, `precondition_failed`, and `conflict` for a personal project and beyond the most
   * groups and members. Without JWT_GROUPS_CLAIM a mapping is kept, and gives nobody a role.
   */
  put(id: string, { group, role }: { readonly group: string; readonly role: Role }, context: RequestContext): Promise<MappedGroup> {
    return this.commands.run(context, async (tx) => {
      const before = await this.before(tx, id, group, context);
      if (before.same?.role === role) return { outcome: before.same, audit: UNCHANGED };
      if (!before.same) await this.requireMappable(tx, group, { count: before.count, actor: context.actor });
      const put = `INSERT INTO project_groups (project_id, group_name, role) VALUES ($1, $2, $3)
                   ON CONFLICT (project_id, group_name) DO UPDATE SET role = excluded.role`;
      await tx.query(put, [id, group, role]);
      const followed = await this.follow(tx, id);
      if (!before.same && (await this.members.count(tx, id)).members > MOST_MEMBERS)
        throw new DomainError('conflict', `With the users of this group the project would have more than ${MOST_MEMBERS} members.`);
      const after = (await this.read(tx, id)).find((each) => each.group === group);
      if (!after) throw new Error(`Group ${group} was not mapped`);
      return { outcome: after, audit: [entry('put_group', id, { group, before: before.same?.role ?? null, after: role }), ...followed] };
    });
  }

  /** Throws as `put` does, and `not_found` for a group without a role there. */
  remove(id: string, group: string, context: RequestContext): Promise<void> {
    return this.commands.run(context, async (tx) => {
      const { same } = await this.before(tx, id, group, context);
      if (!same) throw new DomainError('not_found', `Group ${group} has no role in the project`);
      await tx.query(`DELETE FROM project_groups WHERE project_id = $1 AND group_name = $2`, [id, group]);
      const followed = await this.follow(tx, id);
      return { outcome: undefined, audit: [entry('remove_group', id, { group, before: same.role, after: null }), ...followed] };
    });
  }

  private async before(
    tx: Tx,
    id: string,
    group: string,
    context: RequestContext,
  ): Promise<{ readonly same: MappedGroup | null; readonly count: number }> {
    // Asked before the lock for which sign-ins wait, too, so that strangers cannot hold it.
    requireProject(await this.projects.look(tx, id, context.actor), id, 'members.change');
    await this.roles.lock(tx);
    const project = requireProject(await this.projects.lock(tx, id, context.actor), id, 'members.change');
    requireShared(project, 'has no other members than its user');
    requireMatch(context, project.version);
    const groups = await this.read(tx, id);
    return { same: groups.find((each) => each.group === group) ?? null, count: groups.length };
  }

  /** Throws `admin_required` for a group that the caller is not in, and `conflict` when there are too many. */
  private async requireMappable(tx: Tx, group: string, { count, actor }: { readonly count: number; readonly actor: Actor }): Promise<void> {
    if (!actor.isAdmin && !(await this.roles.isIn(tx, actor.userId, group))) throw new DomainError('admin_required', NOT_IN_IT);
    if (count >= MOST_GROUPS) throw new DomainError('conflict', `The project has ${MOST_GROUPS} groups already. Remove one first.`);
  }

  /** Gives the audit entries of who came and who left. */
  private async follow(tx: Tx, projectId: string): Promise<AuditEntry[]> {
    const changes = await this.roles.follow(tx, { projectId });
    await this.projects.touch(tx, projectId);
    return groupEntries(changes);
  }

  private read(db: Pick<Tx, 'query'>, id: string): Promise<MappedGroup[]> {
    const groups = `
      SELECT group_name AS "group", role, added_at AS "addedAt" FROM project_groups WHERE project_id = $1 ORDER BY group_name`;
    return db.query<MappedGroup[]>(groups, [id]);
  }
}

const entry = (
  verb: 'put_group' | 'remove_group',
  projectId: string,
  { group, before, after }: { readonly group: string; readonly before: Role | null; readonly after: Role | null },
) => ({
  action: `project.${verb}`,
  resourceType: 'project',
  resourceId: projectId,
  before: { group, role: before },
  after: { group, role: after },
});
