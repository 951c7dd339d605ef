import type { OwnQuota } from '../config/quota-list';
import type { UserRecord } from '../auth/identity';

/** An account as administrators see it. */
export interface AccountRecord extends UserRecord {
  /** The limits that an administrator has set. */
  readonly quota: OwnQuota;
  readonly hasPassword: boolean;
  /** Null: the name is not locked. */
  readonly lockedUntil: Date | null;
}

/** A new one-time link. Only now is its token known. */
export interface OpenedLink {
  readonly token: string;
  readonly expiresAt: Date;
}

/** What administrators change about an account. What is absent stays as it is. */
export interface AccountChange {
  readonly isActive?: boolean;
  readonly isAdmin?: boolean;
  readonly email?: string;
  /** All of the own limits. */
  readonly quota?: OwnQuota;
}
