import { Injectable } from '@nestjs/common';
import { Commands } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { OpenRequestContext, RequestContext } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { violatedConstraint } from '../database/postgres-error';
import { OwnQuotas } from '../quotas/own-quotas.repository';
import type { UserRecord } from './identity';
import { PasswordHasher } from './password-hasher';
import { UsersRepository } from './users.repository';

const TAKEN: Readonly<Record<string, string>> = {
  uq_users_username: 'The username is already taken.',
  // The personal project has the name of its user.
  uq_projects_name: 'The username is already taken.',
  uq_users_email: 'The email is already registered.',
};

interface NewAccount {
  readonly username: string;
  readonly email: string;
  readonly password: string;
}

/** The caller's own account: its registration, and its address. */
@Injectable()
export class UsersService {
  constructor(
    private readonly commands: Commands,
    private readonly users: UsersRepository,
    private readonly passwords: PasswordHasher,
    private readonly quotas: OwnQuotas,
    private readonly config: AppConfig,
  ) {}

  /**
   * With the quota of those who register by themselves. Throws `registration_closed` unless strangers may register, and `already_exists` when
   * the name or the address is taken, also by a request at the same moment.
   */
  async register(account: NewAccount, context: OpenRequestContext): Promise<UserRecord> {
    if (!this.config.REGISTRATION_ENABLED)
      throw new DomainError('registration_closed', 'Registration is closed. Ask an administrator for an account.');
    const passwordHash = await this.passwords.inSlot((argon2) => argon2.hash(account.password));
    const registered = this.commands.run(context, async (tx) => {
      const user = await this.users.insert(tx, { username: account.username, email: account.email, passwordHash });
      await this.quotas.setForNewcomer(tx, user.id);
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
}

/** Throws `already_exists` when the database reports that a name or an address is taken. */
export async function unlessTaken<T>(change: Promise<T>): Promise<T> {
  try {
    return await change;
  } catch (error) {
    const taken = TAKEN[violatedConstraint(error) ?? ''];
    throw taken === undefined ? error : new DomainError('already_exists', taken);
  }
}

const notFound = (id: string): DomainError => new DomainError('not_found', `User ${id} not found`);
