import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { DomainError } from '../common/problem/domain-error';

/** Allows a number of requests, or of what they cost, per minute and key, counted in this process. 0 lets everything pass. */
export class RateLimit {
  private readonly limiter: RateLimiterMemory | null;

  constructor(perMinute: number) {
    this.limiter = perMinute === 0 ? null : new RateLimiterMemory({ points: perMinute, duration: 60 });
  }

  get isOff(): boolean {
    return this.limiter === null;
  }

  /** Counts one request, or what it costs. Throws `rate_limited` with the seconds to wait when that exceeds the limit. */
  async take(key: string, cost = 1): Promise<void> {
    try {
      await this.limiter?.consume(key, cost);
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      const retryAfterSeconds = Math.max(1, Math.ceil(refusal.msBeforeNext / 1000));
      throw new DomainError('rate_limited', `Too many requests. Try again in ${String(retryAfterSeconds)} s.`, { retryAfterSeconds });
    }
  }

  /**
   * Counts what turned out afterwards, also beyond the limit; the next request is refused then. Returns how many milliseconds are
   * left until the limit begins anew, or 0 when it is not exceeded.
   */
  async add(key: string, cost: number): Promise<number> {
    if (this.limiter === null) return 0;
    const { consumedPoints, msBeforeNext } = await this.limiter.penalty(key, cost);
    return consumedPoints > this.limiter.points ? msBeforeNext : 0;
  }
}
