import { Injectable } from '@nestjs/common';
import { hash, verify } from '@node-rs/argon2';
import { DomainError } from '../common/problem/domain-error';
import { Semaphore } from './semaphore';

/** Argon2id is the library's default algorithm; memory in KiB (19 MiB). */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/**
 * The hash of a random password that was thrown away, as costly as a real one. Passwords for unknown users are compared
 * with it.
 */
const DUMMY_HASH = '$argon2id$v=19$m=19456,t=2,p=1$WmqtiCnn2h40eZhzWdnDaA$VXTlV81qARzCMR7zGK9uoUJMDv0OdlgE9AHIZTA99S8';

const AT_ONCE = 2;
const MAX_WAITING = 64;

/** What can be done while a slot is held. */
export interface Argon2 {
  hash(password: string): Promise<string>;
  /** Without a stored hash it takes the same time and gives false. */
  verify(stored: string | null, password: string): Promise<boolean>;
}

/** Hashes passwords. That is costly on purpose, so only a few run at once, and many log-ins cannot starve the other routes. */
@Injectable()
export class PasswordHasher {
  private readonly slots = new Semaphore(
    AT_ONCE,
    MAX_WAITING,
    () => new DomainError('try_again', 'Too many log-ins at the same time. Please try again.', { retryAfterSeconds: 5 }),
  );

  /** Runs `work` in a slot; throws `try_again` when too many wait already. */
  inSlot<T>(work: (argon2: Argon2) => Promise<T>): Promise<T> {
    return this.slots.run(() => work(argon2));
  }
}

const argon2: Argon2 = {
  hash: (password) => hash(password, COST),
  verify: async (stored, password) => (await verify(stored ?? DUMMY_HASH, password)) && stored !== null,
};
