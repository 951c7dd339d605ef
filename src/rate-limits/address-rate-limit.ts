import { Injectable } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { AppConfig } from '../config/app-config';
import { addressKey } from './address-key';
import { RateLimit } from './rate-limit';

/** A prober that is turned away would take a healthy process for a dead one. */
const EXEMPT = /^\/health\//;

/**
 * The rate limit of each address over everything it asks for: RATE_LIMIT_PER_MINUTE. Only trusted proxies can name another
 * address than that of the connection. It is a hook and not a guard, because a flood must end before a body is read, also
 * a flood of requests that no controller serves.
 */
@Injectable()
export class AddressRateLimit {
  private readonly limit: RateLimit;

  constructor(config: AppConfig) {
    this.limit = new RateLimit(config.RATE_LIMIT_PER_MINUTE);
  }

  guard(fastify: FastifyInstance): void {
    if (this.limit.isOff) return;
    fastify.addHook('onRequest', async ({ ip, url }) => {
      if (!EXEMPT.test(url)) await this.limit.take(addressKey(ip));
    });
  }
}
