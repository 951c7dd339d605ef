import { DomainError } from '../common/problem/domain-error';

/** The roles in a project. Each may do what those before it may. */
export const ROLES = ['viewer', 'deployer', 'maintainer'] as const;
export type Role = (typeof ROLES)[number];

/**
 * Who may what: the least role that each act in a project needs. This table is the only place that decides it; SQL and refusals
 * are made from it. Administrators count as maintainers of every project.
 */
export const NEEDED_ROLE = {
  'deployment.read': 'viewer',
  'deployment.change': 'deployer',
  'deployment.move': 'maintainer',
  'project.read': 'viewer',
  'project.change': 'maintainer',
  'project.delete': 'maintainer',
  'members.read': 'viewer',
  'members.change': 'maintainer',
  'secrets.read': 'viewer',
  'secrets.change': 'maintainer',
  'volumes.read': 'viewer',
  'volumes.change': 'maintainer',
  'registries.read': 'viewer',
  'registries.change': 'maintainer',
} as const satisfies Record<string, Role>;

export type Act = keyof typeof NEEDED_ROLE;

const rank = (role: Role): number => ROLES.indexOf(role);

/** Whether a member of this role may do this. */
export const may = (role: Role, act: Act): boolean => rank(role) >= rank(NEEDED_ROLE[act]);

/** Null, or the refusal for a member whose role does not reach. Only for callers who may know that the project exists. */
export function roleFault(role: Role, act: Act): DomainError | null {
  if (may(role, act)) return null;
  const needed = NEEDED_ROLE[act];
  const words = `This needs the role ${needed} in the project; yours is ${role}`;
  return new DomainError('role_required', words, { members: { needed_role: needed, role } });
}

/** Throws `role_required` when the role does not reach. */
export function requireRole(role: Role, act: Act): void {
  const fault = roleFault(role, act);
  if (fault) throw fault;
}
