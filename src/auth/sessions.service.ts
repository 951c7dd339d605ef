import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit, type AuditOrigin } from '../audit/audit';
import { DomainError } from '../common/problem/domain-error';
import type { OpenRequestContext, RequestContext, RequestOrigin } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { inTransaction, type Tx } from '../database/transaction';
import { IdempotencyService } from '../idempotency/idempotency.service';
import { AccessTokens } from './access-tokens';
import { CredentialCache, sessionKey } from './credential-cache';
import { TokenPairDto } from './dto/login.dto';
import { hashToken, newSecretToken, REFRESH_TOKEN_PREFIX } from './secret-token';
import { SessionsRepository } from './sessions.repository';

type Rotation = { kind: 'rotated'; pair: TokenPairDto } | { kind: 'reused'; sessionId: string } | { kind: 'inactive' | 'refused' };

/** Opens, continues and ends sessions. */
@Injectable()
export class SessionsService {
  private readonly lifetimeSeconds: number;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly sessions: SessionsRepository,
    private readonly accessTokens: AccessTokens,
    private readonly cache: CredentialCache,
    private readonly audit: Audit,
    private readonly idempotency: IdempotencyService,
    config: AppConfig,
  ) {
    this.lifetimeSeconds = config.REFRESH_TOKEN_SECONDS;
  }

  async open(userId: string, context: OpenRequestContext): Promise<TokenPairDto> {
    const refreshToken = newSecretToken(REFRESH_TOKEN_PREFIX);
    const refreshTokenHash = hashToken(refreshToken);
    return inTransaction(this.dataSource, async (tx) => {
      const sessionId = await this.sessions.insert(tx, { userId, lifetimeSeconds: this.lifetimeSeconds, refreshTokenHash });
      const entry = { action: 'user.login', resourceType: 'user', resourceId: userId };
      await this.audit.record(tx, asSession(userId, sessionId, context), entry);
      return this.answer(tx, context, { userId, sessionId, refreshToken });
    });
  }

  /**
   * Exchanges a refresh token, which is good for one use. A used one means that two hold it: the whole session is revoked.
   * Of two who present the same token at once exactly one gets an answer, and the other counts as reuse.
   */
  async refresh(presented: string, context: OpenRequestContext): Promise<TokenPairDto> {
    const result = await inTransaction(this.dataSource, (tx) => this.rotate(tx, hashToken(presented), context));
    switch (result.kind) {
      case 'rotated':
        return result.pair;
      case 'inactive':
        throw new DomainError('inactive_user', 'Inactive user');
      case 'reused':
        this.cache.forget(sessionKey(result.sessionId));
        throw invalidRefreshToken();
      case 'refused':
        throw invalidRefreshToken();
    }
  }

  /** Ends the caller's session. API tokens and tokens of an outside issuer have none that could be ended here. */
  async logOut(context: RequestContext): Promise<void> {
    const { via, credentialId, userId } = context.actor;
    if (via === 'api_token')
      throw new DomainError('conflict', 'This is an API token, not a session. Revoke it with DELETE /api/auth/tokens/{id}.');
    if (via === 'external') throw new DomainError('conflict', 'This token comes from your identity provider. Log out there.');
    await inTransaction(this.dataSource, async (tx) => {
      await this.sessions.revoke(tx, credentialId);
      await this.audit.record(tx, context, { action: 'user.logout', resourceType: 'user', resourceId: userId });
      await this.idempotency.storeAnswer(tx, context, { status: 204, body: undefined });
    });
    this.cache.forget(sessionKey(credentialId));
  }

  private async rotate(tx: Tx, tokenHash: string, context: OpenRequestContext): Promise<Rotation> {
    const token = await this.sessions.lockRefreshToken(tx, tokenHash);
    if (!token?.isSessionOpen) return { kind: 'refused' };
    if (token.isUsed) {
      await this.sessions.revoke(tx, token.sessionId);
      const entry = { action: 'session.revoke', resourceType: 'session', resourceId: token.sessionId };
      await this.audit.record(tx, { actor: null, ...context }, { ...entry, after: { reason: 'refresh token used twice' } });
      return { kind: 'reused', sessionId: token.sessionId };
    }
    if (!token.isActive) return { kind: 'inactive' };
    await this.sessions.useRefreshToken(tx, { tokenHash, sessionId: token.sessionId, lifetimeSeconds: this.lifetimeSeconds });
    const refreshToken = newSecretToken(REFRESH_TOKEN_PREFIX);
    await this.sessions.insertRefreshToken(tx, token.sessionId, hashToken(refreshToken));
    const { userId, sessionId } = token;
    await this.audit.record(tx, asSession(userId, sessionId, context), {
      action: 'user.refresh',
      resourceType: 'user',
      resourceId: userId,
    });
    return { kind: 'rotated', pair: await this.answer(tx, context, { userId, sessionId, refreshToken }) };
  }

  /** Signed before the commit: whoever repeats the request after a crash gets this pair, and not the refusal of a used token. */
  private async answer(
    tx: Tx,
    context: OpenRequestContext,
    { userId, sessionId, refreshToken }: { userId: string; sessionId: string; refreshToken: string },
  ): Promise<TokenPairDto> {
    const accessToken = await this.accessTokens.issue(userId, sessionId);
    const pair = TokenPairDto.of({ accessToken, refreshToken, expiresInSeconds: this.accessTokens.lifetimeSeconds });
    await this.idempotency.storeAnswer(tx, context, { status: 200, body: pair });
    return pair;
  }
}

/** Who logs in or refreshes acts with the session that comes of it. */
const asSession = (userId: string, credentialId: string, origin: RequestOrigin): AuditOrigin => ({
  actor: { userId, via: 'session', credentialId },
  ...origin,
});

/** The same words for unknown, used, revoked and expired ones. */
const invalidRefreshToken = (): DomainError => new DomainError('unauthenticated', 'The refresh token is not valid. Log in again.');
