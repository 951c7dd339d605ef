import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DomainError } from '../common/problem/domain-error';
import type { Actor } from '../common/request-context';
import { inTransaction } from '../database/transaction';
import { ApiTokensRepository, type ApiTokenRecord } from './api-tokens.repository';
import { apiTokenKey, CredentialCache } from './credential-cache';
import { API_TOKEN_PREFIX, hashToken, newSecretToken } from './secret-token';

const MAX_PER_USER = 100;
const SHOWN_CHARACTERS = API_TOKEN_PREFIX.length + 6;

/** A user's own API tokens. */
@Injectable()
export class ApiTokensService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly tokens: ApiTokensRepository,
    private readonly cache: CredentialCache,
  ) {}

  /** The only moment at which the token itself is known. */
  async create(
    wish: { name: string; readOnly: boolean; expiresInDays: number },
    actor: Actor,
  ): Promise<{ token: string; record: ApiTokenRecord }> {
    const token = newSecretToken(API_TOKEN_PREFIX);
    const record = await inTransaction(this.dataSource, async (tx) => {
      await this.tokens.lockOwner(tx, actor.userId);
      if ((await this.tokens.count(tx, actor.userId)) >= MAX_PER_USER) {
        throw new DomainError('conflict', `You have ${String(MAX_PER_USER)} API tokens already. Delete one that you do not need.`);
      }
      return this.tokens.insert(tx, {
        ...wish,
        userId: actor.userId,
        tokenHash: hashToken(token),
        prefix: token.slice(0, SHOWN_CHARACTERS),
        madeWith: actor.via === 'api_token' ? actor.credentialId : null,
      });
    });
    return { token, record };
  }

  list(actor: Actor): Promise<ApiTokenRecord[]> {
    return this.tokens.list(actor.userId);
  }

  /** Someone else's token is not found, like one that never was. */
  async revoke(id: string, actor: Actor): Promise<void> {
    const tokenHash = await this.tokens.revoke(id, actor.userId);
    if (tokenHash === null) throw new DomainError('not_found', `API token ${id} not found`);
    this.cache.forget(apiTokenKey(tokenHash));
  }
}
