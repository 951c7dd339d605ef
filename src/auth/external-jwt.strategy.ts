import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-jwt';
import { Clock } from '../common/clock';
import type { Actor } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { bearerToken, type RequestWithHeaders } from './bearer-token';
import { CredentialCache, externalKey } from './credential-cache';
import { ExternalUsers } from './external-users';
import { activeActor } from './identity';
import { JwksKeys } from './jwks-keys';
import { checkedClaims, CLOCK_LEEWAY_SECONDS, outlineOf } from './jwt-format';
import { tokenIssuers } from './token-issuers';

const ALGORITHMS = ['RS256', 'ES256'] as const;
/** The option is old, and the only one that passport-jwt has for this. */
const LEEWAY = { jsonWebTokenOptions: { clockTolerance: CLOCK_LEEWAY_SECONDS } };

/**
 * Tokens of the organisation's identity provider, verified with the keys that it publishes; its clock may be a
 * minute off. Off without JWT_JWKS_URL.
 */
@Injectable()
export class ExternalJwtStrategy extends PassportStrategy(Strategy, 'external_jwt') {
  constructor(
    private readonly users: ExternalUsers,
    private readonly cache: CredentialCache,
    private readonly clock: Clock,
    config: AppConfig,
  ) {
    const { external } = tokenIssuers(config);
    const keys = external && new JwksKeys(external);
    super({
      jwtFromRequest: (request: RequestWithHeaders) => {
        const token = bearerToken(request);
        const outline = token === null ? null : outlineOf(token);
        return outline?.issuer === external?.issuer && ALGORITHMS.some((name) => name === outline?.alg) ? token : null;
      },
      secretOrKeyProvider: (_request: unknown, token: string, done: (error: unknown, key?: Buffer) => void) => {
        const finding = keys?.find(token) ?? Promise.resolve(undefined);
        // The types allow strings only, but jsonwebtoken would parse a string anew for every token.
        finding.then((key) => done(null, key as unknown as Buffer), done);
      },
      algorithms: [...ALGORITHMS],
      issuer: external?.issuer,
      audience: external?.audience,
      ...LEEWAY,
    });
  }

  async validate(payload: unknown): Promise<Actor | false> {
    const claims = checkedClaims(payload, this.clock.now().getTime() / 1000);
    if (!claims) return false;
    const identity = await this.cache.get(externalKey(claims.sub, this.users.groupsKey(claims)), () => this.users.findOrCreate(claims));
    return identity !== null && activeActor(identity);
  }
}
