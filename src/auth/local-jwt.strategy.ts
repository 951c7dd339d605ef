import { Inject, Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { LRUCache } from 'lru-cache';
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
const MAX_VERIFIED = 10_000;

interface VerifiedToken {
  readonly userId: string;
  readonly sessionId: string;
  readonly exp: number;
}

/** Access tokens that we issued: HS256 with our own key, and only while their session is open. */
@Injectable()
export class LocalJwtStrategy extends PassportStrategy(Strategy, 'local_jwt') {
  private readonly verified = new LRUCache<string, VerifiedToken>({ max: MAX_VERIFIED });

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
      // The types allow strings only, but jsonwebtoken would parse a string anew for every token.
      secretOrKey: key as unknown as Buffer,
      algorithms: [ALGORITHM],
      ...local,
      passReqToCallback: true,
    });
  }

  async validate(request: RequestWithHeaders, payload: unknown): Promise<Actor | false> {
    const claims = checkedClaims(payload, this.nowSeconds());
    const sessionId = claims?.sid;
    if (!claims || !isUuid(claims.sub) || typeof sessionId !== 'string' || !isUuid(sessionId)) return false;
    const token = bearerToken(request);
    if (token !== null) this.verified.set(token, { userId: claims.sub, sessionId, exp: claims.exp });
    return (await this.actorOf(claims.sub, sessionId)) ?? false;
  }

  /**
   * The actor of a token that is exactly one that was verified before and has not expired; null: verify it. Verifying
   * costs more than the rest of a small request. Whether the session is open is checked every time.
   */
  async recognise(request: RequestWithHeaders): Promise<Actor | null> {
    const token = bearerToken(request);
    const known = token === null ? undefined : this.verified.get(token);
    return known && this.nowSeconds() < known.exp ? this.actorOf(known.userId, known.sessionId) : null;
  }

  private async actorOf(userId: string, sessionId: string): Promise<Actor | null> {
    const identity = await this.cache.get(sessionKey(sessionId), () => this.sessions.findIdentity(sessionId, userId));
    return identity?.actor.userId === userId ? activeActor(identity) : null;
  }

  private nowSeconds(): number {
    return this.clock.now().getTime() / 1000;
  }
}
