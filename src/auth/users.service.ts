import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import { DomainError } from '../common/problem/domain-error';
import type { OpenRequestContext, RequestContext } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { violatedConstraint } from '../database/postgres-error';
import { inTransaction, type Tx } from '../database/transaction';
import { IdempotencyService } from '../idempotency/idempotency.service';
import { CredentialCache } from './credential-cache';
import { UserDto } from './dto/user.dto';
import { PasswordHasher } from './password-hasher';
import { SessionsRepository } from './sessions.repository';
import { UsersRepository } from './users.repository';

const TAKEN: Readonly<Record<string, string>> = {
  uq_users_username: 'The username is already taken.',
  uq_users_email: 'The email is already registered.',
};

/** Accounts: registration, one's own, its address, and switching them off. */
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
    private readonly idempotency: IdempotencyService,
  ) {}

  /** Of any number who ask for the same name or address at once, one gets it and the others `already_exists`. */
  async register(wish: { username: string; email: string; password: string }, context: OpenRequestContext): Promise<UserDto> {
    if (!this.config.REGISTRATION_ENABLED)
      throw new DomainError('registration_closed', 'Registration is closed. Ask an administrator for an account.');
    const passwordHash = await this.passwords.inSlot((argon2) => argon2.hash(wish.password));
    return this.unlessTaken(async (tx) => {
      const user = await this.users.insert(tx, { username: wish.username, email: wish.email, passwordHash });
      await this.audit.record(tx, { actor: null, ...context }, { action: 'user.register', resourceType: 'user', resourceId: user.id });
      const answer = UserDto.from(user);
      await this.idempotency.storeAnswer(tx, context, { status: 201, body: answer });
      return answer;
    });
  }

  async get(id: string): Promise<UserDto> {
    const user = await this.users.find(id);
    if (!user) throw notFound(id);
    return UserDto.from(user);
  }

  /** One's own account. A taken address is `already_exists`. The audit log says that the address changed, not to what. */
  async change({ email }: { email?: string }, context: RequestContext): Promise<UserDto> {
    const id = context.actor.userId;
    return this.unlessTaken(async (tx) => {
      const user = await this.users.change(tx, id, { email });
      if (!user) throw notFound(id);
      const after = { changed: email === undefined ? [] : ['email'] };
      await this.audit.record(tx, context, { action: 'user.change', resourceType: 'user', resourceId: id, after });
      return UserDto.from(user);
    });
  }

  /**
   * While an account is off, all its credentials answer 403. Switching it on again ends the sessions from before. Of
   * administrators who switch each other off at once, the last is refused: somebody must be able to switch on again.
   */
  async setActive(id: string, isActive: boolean, context: RequestContext): Promise<UserDto> {
    if (id === context.actor.userId && !isActive) throw new DomainError('conflict', 'You cannot deactivate yourself.');
    const user = await inTransaction(this.dataSource, async (tx) => {
      if (!isActive) await this.users.lockAgainstSwitchingOff(tx);
      const wasActive = await this.users.lockAndReadActive(tx, id);
      if (wasActive === false && isActive) await this.sessions.revokeAllOf(tx, id);
      const changed = await this.users.setActive(tx, id, isActive);
      if (!changed) throw notFound(id);
      if (!isActive && !(await this.users.hasActiveAdministrator(tx)))
        throw new DomainError('conflict', 'This is the last active administrator. Make sure that another one is active first.');
      await this.audit.record(tx, context, {
        action: isActive ? 'user.activate' : 'user.deactivate',
        resourceType: 'user',
        resourceId: id,
        before: { is_active: wasActive },
        after: { is_active: isActive },
      });
      return changed;
    });
    this.cache.clear();
    return UserDto.from(user);
  }

  private async unlessTaken<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    try {
      return await inTransaction(this.dataSource, work);
    } catch (error) {
      const taken = TAKEN[violatedConstraint(error) ?? ''];
      throw taken === undefined ? error : new DomainError('already_exists', taken);
    }
  }
}

const notFound = (id: string): DomainError => new DomainError('not_found', `User ${id} not found`);
