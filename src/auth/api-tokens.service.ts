import { Injectable } from '@nestjs/common';
import { Commands } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import { afterCommit } from '../database/transaction';
import { ApiTokensRepository, type ApiTokenRecord } from './api-tokens.repository';
import { apiTokenKey, CredentialCache } from './credential-cache';
import { API_TOKEN_PREFIX, hashToken, newSecretToken } from './secret-token';

const MAX_PER_USER = 100;
const SHOWN_CHARACTERS = API_TOKEN_PREFIX.length + 6;

/** A new API token. Only now is the token itself known. */
export interface CreatedApiToken {
  readonly record: ApiTokenRecord;
  readonly token: string;
}

/** A user's own API tokens. */
@Injectable()
export class ApiTokensService {
  constructor(
    private readonly commands: Commands,
    private readonly tokens: ApiTokensRepository,
    private readonly cache: CredentialCache,
  ) {}

  /** Throws `conflict` when the user already has the most tokens that a user may have. */
  create(settings: { name: string; readOnly: boolean; expiresInDays: number }, context: RequestContext): Promise<CreatedApiToken> {
    const { actor } = context;
    const token = newSecretToken(API_TOKEN_PREFIX);
    return this.commands.run(context, async (tx) => {
      await this.tokens.lockOwner(tx, actor.userId);
      if ((await this.tokens.count(tx, actor.userId)) >= MAX_PER_USER) {
        throw new DomainError('conflict', `You have ${String(MAX_PER_USER)} API tokens already. Delete one that you do not need.`);
      }
      const record = await this.tokens.insert(tx, {
        ...settings,
        userId: actor.userId,
        tokenHash: hashToken(token),
        prefix: token.slice(0, SHOWN_CHARACTERS),
        madeWith: actor.via === 'api_token' ? actor.credentialId : null,
      });
      const after = { name: record.name, read_only: record.readOnly, expires_at: record.expiresAt.toISOString() };
      return {
        outcome: { record, token },
        audit: { action: 'token.create', resourceType: 'token', resourceId: record.id, after },
      };
    });
  }

  list(actor: Actor): Promise<ApiTokenRecord[]> {
    return this.tokens.list(actor.userId);
  }

  /** Throws `not_found` for a token of another user, as for one that does not exist. */
  revoke(id: string, context: RequestContext): Promise<void> {
    return this.commands.run(context, async (tx) => {
      const tokenHash = await this.tokens.revoke(tx, id, context.actor.userId);
      if (tokenHash === null) throw new DomainError('not_found', `API token ${id} not found`);
      afterCommit(tx, () => this.cache.forget(apiTokenKey(tokenHash)));
      return { outcome: undefined, audit: { action: 'token.revoke', resourceType: 'token', resourceId: id } };
    });
  }
}
