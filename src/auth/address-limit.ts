import { Injectable } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { AppConfig } from '../config/app-config';
import { addressKey } from './address-key';
import { RateLimit } from './rate-limit';

/** A prober that is turned away would take a healthy process for a dead one. */
const EXEMPT = /^\/health\//;

/**
 * RATE_LIMIT_PER_MINUTE for each address. The address is Fastify's, so only trusted proxies name it.
 * A hook and no guard: floods end before a body is read, also those of pages and addresses that no controller serves.
 */
@Injectable()
export class AddressLimit {
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
