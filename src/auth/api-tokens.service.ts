import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestContext } from '../common/request-context';
import { inTransaction } from '../database/transaction';
import { IdempotencyService } from '../idempotency/idempotency.service';
import { ApiTokensRepository, type ApiTokenRecord } from './api-tokens.repository';
import { apiTokenKey, CredentialCache } from './credential-cache';
import { CreatedApiTokenDto } from './dto/api-token.dto';
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
    private readonly audit: Audit,
    private readonly idempotency: IdempotencyService,
  ) {}

  /** The only moment at which the token itself is known. */
  async create(wish: { name: string; readOnly: boolean; expiresInDays: number }, context: RequestContext): Promise<CreatedApiTokenDto> {
    const { actor } = context;
    const token = newSecretToken(API_TOKEN_PREFIX);
    return inTransaction(this.dataSource, async (tx) => {
      await this.tokens.lockOwner(tx, actor.userId);
      if ((await this.tokens.count(tx, actor.userId)) >= MAX_PER_USER) {
        throw new DomainError('conflict', `You have ${String(MAX_PER_USER)} API tokens already. Delete one that you do not need.`);
      }
      const made = await this.tokens.insert(tx, {
        ...wish,
        userId: actor.userId,
        tokenHash: hashToken(token),
        prefix: token.slice(0, SHOWN_CHARACTERS),
        madeWith: actor.via === 'api_token' ? actor.credentialId : null,
      });
      await this.audit.record(tx, context, {
        action: 'token.create',
        resourceType: 'token',
        resourceId: made.id,
        after: { name: made.name, read_only: made.readOnly, expires_at: made.expiresAt.toISOString() },
      });
      const answer = CreatedApiTokenDto.of(made, token);
      await this.idempotency.storeAnswer(tx, context, { status: 201, body: answer });
      return answer;
    });
  }

  list(actor: Actor): Promise<ApiTokenRecord[]> {
    return this.tokens.list(actor.userId);
  }

  /** Someone else's token is not found, like one that never was. */
  async revoke(id: string, context: RequestContext): Promise<void> {
    const tokenHash = await inTransaction(this.dataSource, async (tx) => {
      const revoked = await this.tokens.revoke(tx, id, context.actor.userId);
      if (revoked === null) throw new DomainError('not_found', `API token ${id} not found`);
      await this.audit.record(tx, context, { action: 'token.revoke', resourceType: 'token', resourceId: id });
      await this.idempotency.storeAnswer(tx, context, { status: 204, body: undefined });
      return revoked;
    });
    this.cache.forget(apiTokenKey(tokenHash));
  }
}
