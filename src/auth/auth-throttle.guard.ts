import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { addressKey } from './address-key';
import { AuthLimit } from './auth-limit';

/** AUTH_RATE_LIMIT_PER_MINUTE for each address over all routes that it stands before, ahead of any password hashing. */
@Injectable()
export class AuthThrottleGuard implements CanActivate {
  constructor(private readonly limit: AuthLimit) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    await this.limit.take(addressKey(context.switchToHttp().getRequest<{ ip: string }>().ip));
    return true;
  }
}
