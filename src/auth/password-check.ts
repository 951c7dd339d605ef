import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/problem/domain-error';
import { LoginFailures, type LoginAttempt } from './login-failures';
import { PasswordHasher, type Argon2 } from './password-hasher';
import { UsersRepository, type LoginRecord } from './users.repository';

const ACCOUNT_LOCKED = 'Too many failed log-ins. The account is locked for a while.';
const PASSWORD_LOCKED = 'Too many wrong passwords. This session cannot change the password for a while.';

/** Checks passwords. Unknown names run through the same steps as known ones and get the same answers, locks included. */
@Injectable()
export class PasswordCheck {
  constructor(
    private readonly users: UsersRepository,
    private readonly passwords: PasswordHasher,
    private readonly failures: LoginFailures,
  ) {}

  /** The user of the name whose password this is. Throws `bad_credentials`, `account_locked` and `inactive_user`. */
  ofUser(attempt: LoginAttempt, password: string): Promise<LoginRecord> {
    return this.passwords.inSlot((argon2) => this.check(argon2, attempt, password));
  }

  /** The lock is read while a slot is held, so that of many guesses at once only the few that have slots can pass it. */
  private async check(argon2: Argon2, attempt: LoginAttempt, password: string): Promise<LoginRecord> {
    const [user, { counter, hasFailures, lockedForSeconds }] = await Promise.all([
      this.users.findForLogin(attempt.name),
      this.failures.before(attempt),
    ]);
    if (lockedForSeconds > 0) {
      throw new DomainError('account_locked', 'sessionId' in attempt.from ? PASSWORD_LOCKED : ACCOUNT_LOCKED, {
        retryAfterSeconds: lockedForSeconds,
      });
    }
    const isRight = await argon2.verify(user?.passwordHash ?? null, password);
    if (!user || !isRight) {
      await this.failures.record(counter);
      throw new DomainError('bad_credentials', 'Incorrect username or password');
    }
    if (!user.isActive) throw new DomainError('inactive_user', 'Inactive user');
    if (hasFailures) await this.failures.forget(counter);
    return user;
  }
}
