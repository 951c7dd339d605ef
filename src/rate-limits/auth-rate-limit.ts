import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { RateLimit } from './rate-limit';

/** The one count that log-in, registration and refresh share: Nest makes their guard more than once. */
@Injectable()
export class AuthRateLimit extends RateLimit {
  constructor(config: AppConfig) {
    super(config.AUTH_RATE_LIMIT_PER_MINUTE);
  }
}
