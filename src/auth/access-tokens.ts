import { Inject, Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { randomUUID, type KeyObject } from 'node:crypto';
import { AppConfig } from '../config/app-config';
import { tokenIssuers } from './token-issuers';

/** Injection token of the KeyObject that local access tokens are signed and verified with. */
export const SIGNING_KEY = Symbol('SIGNING_KEY');

/** Issues the short-lived access tokens of local sessions. */
@Injectable()
export class AccessTokens {
  readonly lifetimeSeconds: number;
  private readonly jwt: JwtService;

  constructor(@Inject(SIGNING_KEY) key: KeyObject, config: AppConfig) {
    this.lifetimeSeconds = config.ACCESS_TOKEN_SECONDS;
    this.jwt = new JwtService({
      privateKey: key,
      signOptions: {
        algorithm: 'HS256',
        header: { alg: 'HS256', typ: 'at+jwt' },
        ...tokenIssuers(config).local,
        expiresIn: this.lifetimeSeconds,
      },
    });
  }

  issue(userId: string, sessionId: string): Promise<string> {
    return this.jwt.signAsync({ sid: sessionId }, { subject: userId, jwtid: randomUUID() });
  }
}
