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

/** A valid credential of an account that is switched off: refused, but the audit log shall know whose it was. */
export class InactiveUser extends DomainError {
  constructor(readonly actor: Actor) {
    super('inactive_user', 'Inactive user');
  }
}

/** The actor of a valid credential; throws `inactive_user` when the account is switched off. */
export function activeActor({ actor, isActive }: Identity): Actor {
  if (!isActive) throw new InactiveUser(actor);
  return actor;
}
