import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { RequestState } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { RateLimit } from './rate-limit';

/** The rate limit of each session or API token, over all addresses that use it: RATE_LIMIT_PER_MINUTE. */
@Injectable()
export class CredentialRateLimitGuard implements CanActivate {
  private readonly limit: RateLimit;

  constructor(config: AppConfig) {
    this.limit = new RateLimit(config.RATE_LIMIT_PER_MINUTE);
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { user } = context.switchToHttp().getRequest<RequestState>();
    if (user) await this.limit.take(user.credentialId);
    return true;
  }
}
