import { Inject, Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { KeyObject } from 'node:crypto';
import { Strategy } from 'passport-jwt';
import { Clock } from '../common/clock';
import type { Actor } from '../common/request-context';
import { isUuid } from '../common/uuid';
import { AppConfig } from '../config/app-config';
import { SIGNING_KEY } from './access-tokens';
import { bearerToken, type RequestWithHeaders } from './bearer-token';
import { CredentialCache, sessionKey } from './credential-cache';
import { activeActor } from './identity';
import { checkedClaims, outlineOf } from './jwt-format';
import { SessionsRepository } from './sessions.repository';
import { tokenIssuers } from './token-issuers';

const ALGORITHM = 'HS256';

/** Access tokens that we issued: HS256 with our own key, and only while their session is open. */
@Injectable()
export class LocalJwtStrategy extends PassportStrategy(Strategy, 'local_jwt') {
  constructor(
    @Inject(SIGNING_KEY) key: KeyObject,
    private readonly sessions: SessionsRepository,
    private readonly cache: CredentialCache,
    private readonly clock: Clock,
    config: AppConfig,
  ) {
    const { local } = tokenIssuers(config);
    super({
      jwtFromRequest: (request: RequestWithHeaders) => {
        const token = bearerToken(request);
        const outline = token === null ? null : outlineOf(token);
        return outline?.alg === ALGORITHM && outline.issuer === local.issuer ? token : null;
      },
      // The types know of strings only, which jsonwebtoken would parse anew for every token.
      secretOrKey: key as unknown as Buffer,
      algorithms: [ALGORITHM],
      ...local,
    });
  }

  async validate(payload: unknown): Promise<Actor | false> {
    const claims = checkedClaims(payload, this.clock.now().getTime() / 1000);
    const sessionId = claims?.sid;
    if (!claims || !isUuid(claims.sub) || typeof sessionId !== 'string' || !isUuid(sessionId)) return false;
    const identity = await this.cache.get(sessionKey(sessionId), () => this.sessions.findIdentity(sessionId, claims.sub));
    return identity?.actor.userId === claims.sub ? activeActor(identity) : false;
  }
}
