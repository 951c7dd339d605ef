import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext, RequestOrigin } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { violatedConstraint } from '../database/postgres-error';
import { inTransaction } from '../database/transaction';
import { CredentialCache } from './credential-cache';
import type { UserRecord } from './identity';
import { PasswordHasher } from './password-hasher';
import { SessionsRepository } from './sessions.repository';
import { UsersRepository } from './users.repository';

const TAKEN: Readonly<Record<string, string>> = {
  uq_users_username: 'The username is already taken.',
  uq_users_email: 'The email is already registered.',
};

/** Accounts: registration, one's own, and switching them off. */
@Injectable()
export class UsersService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly users: UsersRepository,
    private readonly sessions: SessionsRepository,
    private readonly passwords: PasswordHasher,
    private readonly cache: CredentialCache,
    private readonly config: AppConfig,
    private readonly audit: Audit,
  ) {}

  /** Of any number who ask for the same name or address at once, one gets it and the others `already_exists`. */
  async register(wish: { username: string; email: string; password: string }, origin: RequestOrigin): Promise<UserRecord> {
    if (!this.config.REGISTRATION_ENABLED)
      throw new DomainError('registration_closed', 'Registration is closed. Ask an administrator for an account.');
    const passwordHash = await this.passwords.inSlot((argon2) => argon2.hash(wish.password));
    try {
      return await inTransaction(this.dataSource, async (tx) => {
        const user = await this.users.insert(tx, { username: wish.username, email: wish.email, passwordHash });
        await this.audit.record(tx, { actor: null, ...origin }, { action: 'user.register', resourceType: 'user', resourceId: user.id });
        return user;
      });
    } catch (error) {
      const taken = TAKEN[violatedConstraint(error) ?? ''];
      throw taken === undefined ? error : new DomainError('already_exists', taken);
    }
  }

  async get(id: string): Promise<UserRecord> {
    const user = await this.users.find(id);
    if (!user) throw new DomainError('not_found', `User ${id} not found`);
    return user;
  }

  /** While an account is off, all its credentials answer 403. Switching it on again ends the sessions from before. */
  async setActive(id: string, isActive: boolean, context: RequestContext): Promise<UserRecord> {
    if (id === context.actor.userId && !isActive) throw new DomainError('conflict', 'You cannot deactivate yourself.');
    const user = await inTransaction(this.dataSource, async (tx) => {
      const wasActive = await this.users.lockAndReadActive(tx, id);
      if (wasActive === false && isActive) await this.sessions.revokeAllOf(tx, id);
      const changed = await this.users.setActive(tx, id, isActive);
      if (!changed) return null;
      await this.audit.record(tx, context, {
        action: isActive ? 'user.activate' : 'user.deactivate',
        resourceType: 'user',
        resourceId: id,
        before: { is_active: wasActive },
        after: { is_active: isActive },
      });
      return changed;
    });
    if (!user) throw new DomainError('not_found', `User ${id} not found`);
    this.cache.clear();
    return user;
  }
}
