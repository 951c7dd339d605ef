import { Injectable } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { AppConfig } from '../config/app-config';
import { addressKey } from './address-key';
import { RateLimit } from './rate-limit';

/** Never limited, because a health check that is refused would take a healthy process for a dead one. */
const EXEMPT = /^\/health\//;

/**
 * The rate limit of each address over all its requests: RATE_LIMIT_PER_MINUTE. Only trusted proxies can name another
 * address than that of the connection. It is a hook and not a guard, because a flood must be refused before bodies are
 * read and even where no controller serves it.
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
