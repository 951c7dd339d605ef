import { Module } from '@nestjs/common';
import { AddressRateLimit } from './address-rate-limit';
import { AuthRateLimit } from './auth-rate-limit';

/** How many requests per minute each address and each credential may send. */
@Module({ providers: [AddressRateLimit, AuthRateLimit], exports: [AddressRateLimit, AuthRateLimit] })
export class RateLimitsModule {}
