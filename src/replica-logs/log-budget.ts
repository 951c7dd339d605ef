import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/problem/domain-error';
import { AppConfig } from '../config/app-config';
import { RateLimit } from '../rate-limits/rate-limit';

/** Reads of one user at a time: a few pages in a browser, and no more. */
const OPEN_PER_USER = 3;
/** What asking an engine costs, in kilobytes of lines, however little the container has written. */
const REPLICA_COSTS_KB = 10;

/** Limits what one user may have read of the output of containers: reading a megabyte takes ten milliseconds of processor. */
@Injectable()
export class LogBudget {
  private readonly limit: RateLimit;
  private readonly open = new Map<string, number>();

  constructor(config: AppConfig) {
    this.limit = new RateLimit(config.LOG_MB_PER_MINUTE * 1_000);
  }

  /**
   * Reads for the user, and counts what was read. Throws `rate_limited` when the user has several reads open, or has had as
   * much as a minute allows.
   */
  async spend<T>(userId: string, replicas: number, read: () => Promise<{ result: T; bytes: number }>): Promise<T> {
    const open = this.open.get(userId) ?? 0;
    if (open >= OPEN_PER_USER)
      throw new DomainError('rate_limited', `You have ${String(open)} reads of logs open already.`, { retryAfterSeconds: 1 });
    this.open.set(userId, open + 1);
    try {
      await this.limit.take(userId, replicas * REPLICA_COSTS_KB);
      const { result, bytes } = await read();
      await this.limit.add(userId, Math.ceil(bytes / 1_000));
      return result;
    } finally {
      const left = (this.open.get(userId) ?? 1) - 1;
      if (left > 0) this.open.set(userId, left);
      else this.open.delete(userId);
    }
  }

  /** Counts what a stream has sent. Returns how many milliseconds it has to pause now; 0: not at all. */
  streamed(userId: string, bytes: number): Promise<number> {
    return this.limit.add(userId, Math.ceil(bytes / 1_000));
  }
}
