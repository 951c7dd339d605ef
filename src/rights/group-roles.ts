import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction';
import { MembershipNews, type RoleChange } from './membership-news';
import { ROLES } from './rights';

/** Whom the roles by groups are worked out anew for: some users in all projects, or all users in one project. */
export type Followed = { readonly userIds: readonly string[] } | { readonly projectId: string };

/** Keeps the roles that users have in projects by groups of the outside identity provider. */
@Injectable()
export class GroupRoles {
  constructor(private readonly news: MembershipNews) {}

  /** Until the transaction ends no groups of users and no mappings change elsewhere. */
  async lock(tx: Tx): Promise<void> {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtext('fog-compute groups'))`);
  }

  /** Whether the newest token of this user named the group. */
  async isIn(tx: Tx, userId: string, group: string): Promise<boolean> {
    const found = await tx.query<object[]>(`SELECT 1 FROM users WHERE id = $1 AND $2 = ANY(external_groups)`, [userId, group]);
    return found.length > 0;
  }

  /**
   * Locks what `follow` may change for these users with these groups, in the order of everybody: projects, then members. Callers that
   * change the users too do it after that.
   */
  async lockMembers(tx: Tx, userIds: readonly string[], groups: readonly string[]): Promise<void> {
    await tx.query(LOCK_PROJECTS, [userIds, groups]);
    await tx.query(LOCK_MEMBERS, [userIds]);
  }

  /**
   * Makes the members what mappings and groups say now, tells those whose roles have changed, and gives these changes. Callers hold
   * `lock`, and `lockMembers` or the lock of the project. What changes for users is counted in the versions of their projects; who
   * changes a project counts that.
   */
  async follow(tx: Tx, of: Followed): Promise<RoleChange[]> {
    const [whose, values] = 'userIds' in of ? (['users', [of.userIds]] as const) : (['project', [of.projectId]] as const);
    const given = await tx.query<RoleChange[]>(GIVE[whose], values);
    const taken = await tx.query<RoleChange[]>(TAKE[whose], values);
    const changes = [...given, ...taken];
    if (whose === 'users' && changes.length > 0) await tx.query(COUNT_CHANGE, [changes.map(({ projectId }) => projectId)]);
    await this.news.tell(tx, changes, { byGroup: true });
    return changes;
  }
}

/** $1 users, $2 groups. */
const LOCK_PROJECTS = `
  SELECT 1 FROM projects AS p
   WHERE EXISTS (SELECT 1 FROM project_groups AS g WHERE g.project_id = p.id AND g.group_name = ANY($2::text[]))
      OR EXISTS (SELECT 1 FROM project_members AS m
                  WHERE m.project_id = p.id AND m.user_id = ANY($1::uuid[]) AND m.group_role IS NOT NULL)
   ORDER BY p.id FOR NO KEY UPDATE`;

/** $1 users. */
const LOCK_MEMBERS = `
  SELECT 1 FROM project_members WHERE user_id = ANY($1::uuid[]) ORDER BY project_id, user_id FOR UPDATE`;

/** $1 projects. */
const COUNT_CHANGE = `UPDATE projects SET version = version + 1, updated_at = clock_timestamp() WHERE id = ANY($1::uuid[])`;

const LIST = ROLES.map((role) => `'${role}'`).join(', ');
const rank = (role: string): string => `array_position(ARRAY[${LIST}], ${role})`;
/** The stronger of two roles; a NULL is none. */
export const stronger = (one: string, other: string): string => `(ARRAY[${LIST}])[greatest(${rank(one)}, ${rank(other)})]`;
/** The role that a row of `project_members` has apart from groups. */
export const directRole = (table: string): string =>
  `CASE WHEN ${table}.group_role IS NULL THEN ${table}.role ELSE ${table}.direct_role END`;

type Whose = 'users' | 'project';
const forEach = (sql: (whose: Whose) => string): Readonly<Record<Whose, string>> => ({ users: sql('users'), project: sql('project') });
/** $1 users, or one project. Two statements rather than one for both, so that each is planned for the index that it needs. */
const isOf = (whose: Whose, { user, project }: { readonly user: string; readonly project: string }): string =>
  whose === 'users' ? `${user} = ANY($1::uuid[])` : `${project} = $1::uuid`;

const wantedOf = (whose: Whose): string => `
  wanted AS MATERIALIZED (
    SELECT g.project_id, u.id AS user_id, (ARRAY[${LIST}])[max(${rank('g.role')})] AS role
      FROM project_groups AS g
      JOIN projects AS p ON p.id = g.project_id AND p.deleted_at IS NULL AND p.personal_of IS NULL
      JOIN users AS u ON u.external_groups @> ARRAY[g.group_name]
     WHERE ${isOf(whose, { user: 'u.id', project: 'g.project_id' })}
     GROUP BY g.project_id, u.id)`;

/** What a statement gives: rows of `RoleChange` of `changed`, with the name of the project. */
const CHANGES = `
  SELECT c.project_id AS "projectId", p.name AS project, c.user_id AS "userId", c.before, c.after
    FROM changed AS c JOIN projects AS p ON p.id = c.project_id AND p.deleted_at IS NULL
   ORDER BY c.project_id, c.user_id`;

const GIVE = forEach(
  (whose) => `
  WITH ${wantedOf(whose)},
  present AS MATERIALIZED (
    SELECT m.project_id, m.user_id, m.role FROM project_members AS m JOIN wanted AS w USING (project_id, user_id)),
  given AS (
    INSERT INTO project_members AS m (project_id, user_id, role, group_role)
    SELECT project_id, user_id, role, role FROM wanted ORDER BY project_id, user_id
        ON CONFLICT (project_id, user_id) DO UPDATE
       SET direct_role = ${directRole('m')}, group_role = excluded.group_role,
           role = ${stronger(directRole('m'), 'excluded.group_role')}
     WHERE m.group_role IS DISTINCT FROM excluded.group_role
    RETURNING m.project_id, m.user_id, m.role),
  changed AS (
    SELECT g.project_id, g.user_id, b.role AS before, g.role AS after
      FROM given AS g LEFT JOIN present AS b USING (project_id, user_id))
  ${CHANGES}`,
);

const TAKE = forEach(
  (whose) => `
  WITH ${wantedOf(whose)},
  changed AS MATERIALIZED (
    SELECT m.project_id, m.user_id, m.role AS before, m.direct_role AS after FROM project_members AS m
     WHERE m.group_role IS NOT NULL AND ${isOf(whose, { user: 'm.user_id', project: 'm.project_id' })}
       AND NOT EXISTS (SELECT 1 FROM wanted AS w WHERE w.project_id = m.project_id AND w.user_id = m.user_id)),
  left_alone AS (
    UPDATE project_members AS m SET role = c.after, direct_role = NULL, group_role = NULL
      FROM changed AS c WHERE m.project_id = c.project_id AND m.user_id = c.user_id AND c.after IS NOT NULL),
  gone AS (
    DELETE FROM project_members AS m USING changed AS c
     WHERE m.project_id = c.project_id AND m.user_id = c.user_id AND c.after IS NULL)
  ${CHANGES}`,
);
