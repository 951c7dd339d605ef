import { Injectable } from '@nestjs/common';
import type { Strategy, StrategyCreatedStatic } from 'passport';
import type { Actor } from '../common/request-context';
import { ApiTokensRepository } from './api-tokens.repository';
import { bearerToken, type RequestWithHeaders } from './bearer-token';
import { apiTokenKey, CredentialCache } from './credential-cache';
import { activeActor } from './identity';
import { API_TOKEN_PREFIX, hashToken } from './secret-token';

/** Opaque API tokens of machines (`fog_…`), in the same header as the others. */
@Injectable()
export class ApiTokenStrategy implements Strategy {
  readonly name = 'api_token';
  /** Passport calls it on a copy of this object, hence the explicit `this`. */
  readonly authenticate: (this: StrategyCreatedStatic, request: unknown) => void;

  constructor(
    private readonly tokens: ApiTokensRepository,
    private readonly cache: CredentialCache,
  ) {
    const validate = (token: string): Promise<Actor | null> => this.validate(token);
    this.authenticate = function (request) {
      const token = bearerToken(request as RequestWithHeaders);
      if (!token?.startsWith(API_TOKEN_PREFIX)) {
        this.fail('No API token');
        return;
      }
      validate(token).then(
        (actor) => {
          if (actor) this.success(actor);
          else this.fail('Unknown API token');
        },
        (error: unknown) => {
          this.error(error);
        },
      );
    };
  }

  async validate(token: string): Promise<Actor | null> {
    const tokenHash = hashToken(token);
    const identity = await this.cache.get(apiTokenKey(tokenHash), () => this.tokens.findIdentity(tokenHash));
    return identity && activeActor(identity);
  }
}
