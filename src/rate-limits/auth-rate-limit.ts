import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { RateLimit } from './rate-limit';

/**
 * The one count that log-in, registration and refresh share. It is apart from their guard, because Nest makes that more
 * than once.
 */
@Injectable()
export class AuthRateLimit extends RateLimit {
  constructor(config: AppConfig) {
    super(config.AUTH_RATE_LIMIT_PER_MINUTE);
  }
}
