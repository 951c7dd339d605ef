import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/problem/domain-error';

const MAX_PER_USER = 10;
const MAX_IN_ALL = 1_000;
const RETRY_SECONDS = 5;

/** Limits the streams and waiting requests that this process keeps open. */
@Injectable()
export class FeedPlaces {
  private readonly taken = new Map<string, number>();
  private inAll = 0;

  /**
   * Throws `rate_limited` when the user has too many of them, `try_again` when the process has. Returns the function
   * that gives the place back.
   */
  take(userId: string): () => void {
    const own = this.taken.get(userId) ?? 0;
    if (own >= MAX_PER_USER) {
      const words = `You have ${String(MAX_PER_USER)} event streams open already. Close one, or wait.`;
      throw new DomainError('rate_limited', words, { retryAfterSeconds: RETRY_SECONDS });
    }
    if (this.inAll >= MAX_IN_ALL)
      throw new DomainError('try_again', 'Too many event streams are open.', { retryAfterSeconds: RETRY_SECONDS });
    this.taken.set(userId, own + 1);
    this.inAll += 1;
    let isGiven = false;
    return () => {
      if (isGiven) return;
      isGiven = true;
      this.inAll -= 1;
      const left = (this.taken.get(userId) ?? 1) - 1;
      if (left > 0) this.taken.set(userId, left);
      else this.taken.delete(userId);
    };
  }
}
