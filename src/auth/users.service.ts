import { Injectable } from '@nestjs/common';
import { Commands } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { OpenRequestContext, RequestContext } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { violatedConstraint } from '../database/postgres-error';
import { afterCommit } from '../database/transaction';
import { CredentialCache } from './credential-cache';
import type { UserRecord } from './identity';
import { PasswordHasher } from './password-hasher';
import { SessionsRepository } from './sessions.repository';
import { UsersRepository } from './users.repository';

const TAKEN: Readonly<Record<string, string>> = {
  uq_users_username: 'The username is already taken.',
  uq_users_email: 'The email is already registered.',
};

/** Accounts: registration, the caller's own account and its address, and switching accounts off and on. */
@Injectable()
export class UsersService {
  constructor(
    private readonly commands: Commands,
    private readonly users: UsersRepository,
    private readonly sessions: SessionsRepository,
    private readonly passwords: PasswordHasher,
    private readonly cache: CredentialCache,
    private readonly config: AppConfig,
  ) {}

  /** Throws `already_exists` when the name or the address is taken, also by a request at the same moment. */
  async register(account: { username: string; email: string; password: string }, context: OpenRequestContext): Promise<UserRecord> {
    if (!this.config.REGISTRATION_ENABLED)
      throw new DomainError('registration_closed', 'Registration is closed. Ask an administrator for an account.');
    const passwordHash = await this.passwords.inSlot((argon2) => argon2.hash(account.password));
    const registered = this.commands.run(context, async (tx) => {
      const user = await this.users.insert(tx, { username: account.username, email: account.email, passwordHash });
      return { outcome: user, audit: { action: 'user.register', resourceType: 'user', resourceId: user.id } };
    });
    return unlessTaken(registered);
  }

  /** Throws `not_found`. */
  async get(id: string): Promise<UserRecord> {
    const user = await this.users.find(id);
    if (!user) throw notFound(id);
    return user;
  }

  /**
   * Changes the caller's own account. Throws `already_exists` for a taken address. The audit log says that the address
   * changed, but not the address.
   */
  change({ email }: { email?: string }, context: RequestContext): Promise<UserRecord> {
    const id = context.actor.userId;
    const changed = this.commands.run(context, async (tx) => {
      const user = await this.users.change(tx, id, { email });
      if (!user) throw notFound(id);
      const after = { changed: email === undefined ? [] : ['email'] };
      return { outcome: user, audit: { action: 'user.change', resourceType: 'user', resourceId: id, after } };
    });
    return unlessTaken(changed);
  }

  /**
   * While an account is off, all its credentials are answered with 403. Switching it on again ends the sessions from
   * before. Of administrators who switch each other off at once, the last is refused, so that one remains who can
   * switch accounts on.
   */
  async setActive(id: string, isActive: boolean, context: RequestContext): Promise<UserRecord> {
    if (id === context.actor.userId && !isActive) throw new DomainError('conflict', 'You cannot deactivate yourself.');
    return this.commands.run(context, async (tx) => {
      if (!isActive) await this.users.lockAgainstSwitchingOff(tx);
      const wasActive = await this.users.lockAndReadActive(tx, id);
      if (wasActive === false && isActive) await this.sessions.revokeAllOf(tx, id);
      const user = await this.users.setActive(tx, id, isActive);
      if (!user) throw notFound(id);
      if (!isActive && !(await this.users.hasActiveAdministrator(tx)))
        throw new DomainError('conflict', 'This is the last active administrator. Make sure that another one is active first.');
      afterCommit(tx, () => this.cache.clear());
      return {
        outcome: user,
        audit: {
          action: isActive ? 'user.activate' : 'user.deactivate',
          resourceType: 'user',
          resourceId: id,
          before: { is_active: wasActive },
          after: { is_active: isActive },
        },
      };
    });
  }
}

/** Throws `already_exists` when the database reports that a name or an address is taken. */
async function unlessTaken<T>(change: Promise<T>): Promise<T> {
  try {
    return await change;
  } catch (error) {
    const taken = TAKEN[violatedConstraint(error) ?? ''];
    throw taken === undefined ? error : new DomainError('already_exists', taken);
  }
}

const notFound = (id: string): DomainError => new DomainError('not_found', `User ${id} not found`);
