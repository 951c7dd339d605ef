import { DomainError } from '../common/problem/domain-error';
import type { Actor } from '../common/request-context';

/** A user as this module passes it on. */
export interface UserRecord {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly isActive: boolean;
  readonly isAdmin: boolean;
  readonly createdAt: Date;
}

/** The user of a credential, as the database says. */
export interface Identity {
  readonly actor: Actor;
  readonly isActive: boolean;
}

/** A valid credential of an account that is switched off. It is refused, and carries the user for the audit log. */
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
