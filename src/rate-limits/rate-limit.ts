import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { DomainError } from '../common/problem/domain-error';

/** Allows a number of requests per minute and key, counted in this process. 0 lets everything pass. */
export class RateLimit {
  private readonly limiter: RateLimiterMemory | null;

  constructor(perMinute: number) {
    this.limiter = perMinute === 0 ? null : new RateLimiterMemory({ points: perMinute, duration: 60 });
  }

  get isOff(): boolean {
    return this.limiter === null;
  }

  /** Counts one request. Throws `rate_limited` with the seconds to wait when it exceeds the limit. */
  async take(key: string): Promise<void> {
    try {
      await this.limiter?.consume(key);
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      const retryAfterSeconds = Math.max(1, Math.ceil(refusal.msBeforeNext / 1000));
      throw new DomainError('rate_limited', `Too many requests. Try again in ${String(retryAfterSeconds)} s.`, { retryAfterSeconds });
    }
  }
}
