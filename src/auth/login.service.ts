import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/problem/domain-error';
import type { OpenRequestContext } from '../common/request-context';
import { LoginFailures } from './login-failures';
import { PasswordHasher, type Argon2 } from './password-hasher';
import { SessionsService, type TokenPair } from './sessions.service';
import { UsersRepository } from './users.repository';

/** Checks passwords. Unknown names run through the same steps as known ones and get the same answers, locks included. */
@Injectable()
export class LoginService {
  constructor(
    private readonly users: UsersRepository,
    private readonly passwords: PasswordHasher,
    private readonly sessions: SessionsService,
    private readonly failures: LoginFailures,
  ) {}

  async logIn(username: string, password: string, context: OpenRequestContext): Promise<TokenPair> {
    const name = username.toLowerCase();
    const userId = await this.passwords.inSlot((argon2) => this.verified(argon2, name, password));
    return this.sessions.open(userId, context);
  }

  /** The lock is read while a slot is held, so that of many guesses at once only the few that have slots can pass it. */
  private async verified(argon2: Argon2, name: string, password: string): Promise<string> {
    const [user, { hasFailures, lockedForSeconds }] = await Promise.all([this.users.findForLogin(name), this.failures.of(name)]);
    if (lockedForSeconds > 0) {
      throw new DomainError('account_locked', 'Too many failed log-ins. The account is locked for a while.', {
        retryAfterSeconds: lockedForSeconds,
      });
    }
    const isRight = await argon2.verify(user?.passwordHash ?? null, password);
    if (!user || !isRight) {
      await this.failures.record(name);
      throw new DomainError('bad_credentials', 'Incorrect username or password');
    }
    if (!user.isActive) throw new DomainError('inactive_user', 'Inactive user');
    if (hasFailures) await this.failures.forget(name);
    return user.id;
  }
}
