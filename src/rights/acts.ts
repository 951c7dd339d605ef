import type { Actor } from '../common/request-context';
import type { Tx } from '../database/transaction';
import { NEEDED_ROLE, type Act, type Role } from './rights';

/** A role on which a transaction relies. */
export interface ReliedRole {
  readonly projectId: string;
  readonly needed: Role;
}

const relied = new WeakMap<Tx, Map<string, ReliedRole>>();

/**
 * Notes that this transaction does something in a project because of the role that the actor has there, so that the role is asked
 * for again before the transaction commits. The own project and the rights of administrators are asked for anyway.
 */
export function relyOnRole(tx: Tx, { projectId, act }: { readonly projectId: string; readonly act: Act }, actor: RoleHolder): void {
  if (actor.isAdmin || actor.userId === projectId) return;
  const roles = relied.get(tx) ?? new Map<string, ReliedRole>();
  relied.set(tx, roles);
  const role = { projectId, needed: NEEDED_ROLE[act] };
  roles.set(`${projectId} ${role.needed}`, role);
}

type RoleHolder = Pick<Actor, 'userId' | 'isAdmin'>;

/** What this transaction has noted so far. */
export const reliedRoles = (tx: Tx): readonly ReliedRole[] => [...(relied.get(tx)?.values() ?? [])];
