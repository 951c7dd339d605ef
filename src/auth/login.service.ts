import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock';
import { DomainError } from '../common/problem/domain-error';
import type { RequestOrigin } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { lockSchedule } from './lockout';
import { PasswordHasher, type Argon2 } from './password-hasher';
import { SessionsService, type TokenPair } from './sessions.service';
import { StrangerLockout } from './stranger-lockout';
import { UsersRepository } from './users.repository';

/** Checks passwords. Unknown names run through the same steps as known ones and get the same answers, locks included. */
@Injectable()
export class LoginService {
  private readonly schedule: readonly number[];
  private readonly strangers: StrangerLockout;

  constructor(
    private readonly users: UsersRepository,
    private readonly passwords: PasswordHasher,
    private readonly sessions: SessionsService,
    private readonly clock: Clock,
    config: AppConfig,
  ) {
    this.schedule = lockSchedule({
      maxFailures: config.LOGIN_MAX_FAILURES,
      lockSeconds: config.LOGIN_LOCK_SECONDS,
      maxLockSeconds: config.LOGIN_LOCK_MAX_SECONDS,
    });
    this.strangers = new StrangerLockout(this.schedule);
  }

  async logIn(username: string, password: string, origin: RequestOrigin): Promise<TokenPair> {
    const name = username.toLowerCase();
    const userId = await this.passwords.inSlot((argon2) => this.verified(argon2, name, password));
    return this.sessions.open(userId, origin);
  }

  /** The lock is read inside the slot: of a storm of guesses only the few that are being hashed can pass it. */
  private async verified(argon2: Argon2, name: string, password: string): Promise<string> {
    const user = await this.users.findForLogin(name);
    const lockedForSeconds = user ? user.lockedForSeconds : this.strangers.lockedForSeconds(name, this.clock.now().getTime());
    if (lockedForSeconds > 0) {
      throw new DomainError('account_locked', 'Too many failed log-ins. The account is locked for a while.', {
        retryAfterSeconds: lockedForSeconds,
      });
    }
    const isRight = await argon2.verify(user?.passwordHash ?? null, password);
    if (!user || !isRight) {
      const isKnown = await this.users.recordLoginFailure(name, this.schedule);
      if (!isKnown) this.strangers.recordFailure(name, this.clock.now().getTime());
      throw new DomainError('bad_credentials', 'Incorrect username or password');
    }
    if (!user.isActive) throw new DomainError('inactive_user', 'Inactive user');
    if (user.hasFailures) await this.users.clearLoginFailures(user.id);
    return user.id;
  }
}
