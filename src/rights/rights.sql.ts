import { may, NEEDED_ROLE, ROLES, type Act, type Role } from './rights';

/** SQL for the role of a caller in the project of a row, or NULL for a stranger. The parameters say who calls. */
export interface CallerSql {
  /** The column with the id of the project, such as `d.project_id`. */
  readonly project: string;
  readonly userId: string;
  /** What `reachOf` gives. */
  readonly reach: string;
}

const LIST = ROLES.map((each) => `'${each}'`).join(', ');
const boundRole = (reach: string): string => `split_part(${reach}, ' ', 2)`;
const isBoundTo = ({ project, reach }: CallerSql): string => `split_part(${reach}, ' ', 1) = ${project}::text`;

/**
 * The role that a caller has there. Administrators count as maintainers, and everybody is the maintainer of the personal project,
 * which has the id of its user. A token that is bound to a project has there the lesser of its own role and that of its user.
 */
export const roleIn = (caller: CallerSql): string => `
  CASE WHEN ${caller.reach} = 'all' THEN 'maintainer'
       WHEN ${caller.reach} = 'own' THEN ${ownRole(caller)}
       WHEN ${isBoundTo(caller)} THEN (
         SELECT (ARRAY[${LIST}])[least(array_position(ARRAY[${LIST}], o.role),
                                       array_position(ARRAY[${LIST}], ${boundRole(caller.reach)}))]
           FROM (SELECT ${ownRole(caller)} AS role) AS o WHERE o.role IS NOT NULL) END`;

const ownRole = ({ project, userId }: CallerSql): string => `
       CASE WHEN ${project} = ${userId} THEN 'maintainer'
            ELSE (SELECT m.role FROM project_members AS m WHERE m.project_id = ${project} AND m.user_id = ${userId}) END`;

/** True for rows of projects where the caller may do this. */
export const allows = (act: Act, caller: CallerSql): string => `
  (${caller.reach} = 'all'
   OR (${caller.reach} = 'own' OR (${isBoundTo(caller)} AND ${reaches(boundRole(caller.reach), act)}))
      AND (${caller.project} = ${caller.userId}
           OR EXISTS (SELECT 1 FROM project_members AS m
                       WHERE m.project_id = ${caller.project} AND m.user_id = ${caller.userId} AND ${reaches('m.role', act)})))`;

/**
 * True for rows `m` of `project_members` by which their user may do this, with a token of this role at most; null: the credential is not
 * bound. For lists, which begin with the projects of a user and not with what is in them.
 */
export const grants = (act: Act, boundRole: Role | null): string =>
  boundRole === null || may(boundRole, act) ? reaches('m.role', act) : 'false';

/** True for roles that may do this. */
export const reaches = (role: string, act: Act): string => {
  const roles = ROLES.slice(ROLES.indexOf(NEEDED_ROLE[act]));
  return roles.length === ROLES.length ? 'true' : `${role} IN (${roles.map((each) => `'${each}'`).join(', ')})`;
};

/** Who may see a deployment: the rows of `table` that the caller may read. */
export const readable = (table: string, userId: string, reach: string): string =>
  allows('deployment.read', { project: `${table}.project_id`, userId, reach });

/** The role of the caller in the project of a deployment. */
export const roleFor = (table: string, userId: string, reach: string): string => roleIn({ project: `${table}.project_id`, userId, reach });
