import { DomainError } from '../common/problem/domain-error';
import type { Actor } from '../common/request-context';

/** A user as the other parts of this module see one. */
export interface UserRecord {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly isActive: boolean;
  readonly isAdmin: boolean;
  readonly createdAt: Date;
}

/** Who a credential belongs to, as the database says. */
export interface Identity {
  readonly actor: Actor;
  readonly isActive: boolean;
}

/** The actor of a valid credential; throws `inactive_user` when the account is switched off. */
export function activeActor({ actor, isActive }: Identity): Actor {
  if (!isActive) throw new DomainError('inactive_user', 'Inactive user');
  return actor;
}
