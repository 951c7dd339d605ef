import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { addressKey } from './address-key';
import { AuthRateLimit } from './auth-rate-limit';

/**
 * The rate limit of each address over all routes that check a password or a refresh token: AUTH_RATE_LIMIT_PER_MINUTE.
 * It counts before any password is hashed.
 */
@Injectable()
export class AuthRateLimitGuard implements CanActivate {
  constructor(private readonly limit: AuthRateLimit) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    await this.limit.take(addressKey(context.switchToHttp().getRequest<{ ip: string }>().ip));
    return true;
  }
}
