import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/problem/domain-error';
import { AppConfig } from '../config/app-config';
import { addressKey } from '../rate-limits/address-key';
import { RateLimit } from '../rate-limits/rate-limit';

/**
 * Limits how many join tokens that are no good an address may show: AUTH_RATE_LIMIT_PER_MINUTE. Good ones count for nothing, since
 * hundreds of machines may stand behind one address and join in the same minute.
 */
@Injectable()
export class FailedJoins {
  private readonly limit: RateLimit;

  constructor(config: AppConfig) {
    this.limit = new RateLimit(config.AUTH_RATE_LIMIT_PER_MINUTE);
  }

  /** Does the work of a join, and counts it if it throws `bad_credentials`. Throws `rate_limited` after too many of those. */
  async counted<T>(address: string, join: () => Promise<T>): Promise<T> {
    const key = addressKey(address);
    await this.limit.take(key, 0);
    try {
      return await join();
    } catch (error) {
      if (error instanceof DomainError && error.code === 'bad_credentials') await this.limit.add(key, 1);
      throw error;
    }
  }
}
