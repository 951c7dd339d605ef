import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { addressKey } from './address-key';
import { RateLimit } from './rate-limit';

/** A prober that is turned away would take a healthy process for a dead one. */
const EXEMPT = /^\/health\//;

/** RATE_LIMIT_PER_MINUTE for each address, before any token is looked at. The address is Fastify's, so only trusted proxies name it. */
@Injectable()
export class AddressLimitGuard implements CanActivate {
  private readonly limit: RateLimit;

  constructor(config: AppConfig) {
    this.limit = new RateLimit(config.RATE_LIMIT_PER_MINUTE);
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { ip, url } = context.switchToHttp().getRequest<{ ip: string; url: string }>();
    if (!EXEMPT.test(url)) await this.limit.take(addressKey(ip));
    return true;
  }
}
