import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { RateLimit } from './rate-limit';

/** The one count that log-in, registration and refresh share, however often their guard is made. */
@Injectable()
export class AuthLimit extends RateLimit {
  constructor(config: AppConfig) {
    super(config.AUTH_RATE_LIMIT_PER_MINUTE);
  }
}
