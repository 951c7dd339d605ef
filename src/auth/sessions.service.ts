import { Injectable } from '@nestjs/common';
import { Commands, type Decided } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { OpenRequestContext, RequestContext } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { afterCommit, type Tx } from '../database/transaction';
import { AccessTokens } from './access-tokens';
import { CredentialCache, sessionKey } from './credential-cache';
import { LoginFailures } from './login-failures';
import { hashToken, newSecretToken, REFRESH_TOKEN_PREFIX } from './secret-token';
import { SessionsRepository } from './sessions.repository';
import type { LoginRecord } from './users.repository';

/** What a session is used and continued with. */
export interface TokenPair {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Until the access token expires. */
  readonly expiresInSeconds: number;
}

/** Opens, continues and ends sessions. */
@Injectable()
export class SessionsService {
  private readonly lifetimeSeconds: number;

  constructor(
    private readonly commands: Commands,
    private readonly sessions: SessionsRepository,
    private readonly accessTokens: AccessTokens,
    private readonly cache: CredentialCache,
    private readonly failures: LoginFailures,
    config: AppConfig,
  ) {
    this.lifetimeSeconds = config.REFRESH_TOKEN_SECONDS;
  }

  /**
   * A new session of a user whose password was checked, who is known at the address from then on. Throws `bad_credentials` when the password
   * was changed meanwhile, or the user switched off; then the address is not known either.
   */
  open(
    { id: userId, username, passwordHash }: LoginRecord & { readonly username: string },
    context: OpenRequestContext,
  ): Promise<TokenPair> {
    const refreshToken = newSecretToken(REFRESH_TOKEN_PREFIX);
    const refreshTokenHash = hashToken(refreshToken);
    return this.commands.run(context, async (tx) => {
      const { lifetimeSeconds } = this;
      const sessionId = await this.sessions.insert(tx, { userId, passwordHash, lifetimeSeconds, refreshTokenHash });
      if (sessionId === null) throw new DomainError('bad_credentials', 'Incorrect username or password');
      await this.failures.noteKnown(tx, { name: username, from: { address: context.address } });
      return this.grant('user.login', { userId, sessionId, refreshToken });
    });
  }

  /**
   * Exchanges a refresh token, which can be used once. When a used one is presented, two parties have it, so the whole
   * session is revoked. Of two requests with the same token at once exactly one succeeds, and the other counts as
   * reuse. Where the session goes on is as known as where it was opened.
   */
  refresh(presented: string, context: OpenRequestContext): Promise<TokenPair> {
    return this.commands.run(context, (tx) => this.rotate(tx, hashToken(presented), context.address));
  }

  /** Ends the caller's session. API tokens and tokens of an outside issuer have no session here. */
  async logOut(context: RequestContext): Promise<void> {
    const { via, credentialId, userId } = context.actor;
    if (via === 'api_token')
      throw new DomainError('conflict', 'This is an API token, not a session. Revoke it with DELETE /api/auth/tokens/{id}.');
    if (via === 'external') throw new DomainError('conflict', 'This token comes from your identity provider. Log out there.');
    await this.commands.run(context, async (tx) => {
      await this.revoke(tx, credentialId);
      return { outcome: undefined, audit: { action: 'user.logout', resourceType: 'user', resourceId: userId } };
    });
  }

  private async rotate(tx: Tx, tokenHash: string, address: string): Promise<Decided<TokenPair>> {
    const token = await this.sessions.lockRefreshToken(tx, tokenHash);
    if (!token?.isSessionOpen) throw invalidRefreshToken();
    const { userId, username, sessionId, isUsed, isActive } = token;
    if (isUsed) {
      await this.revoke(tx, sessionId);
      const after = { reason: 'refresh token used twice' };
      return {
        refusal: invalidRefreshToken(),
        audit: { action: 'session.revoke', resourceType: 'session', resourceId: sessionId, after },
      };
    }
    if (!isActive) throw new DomainError('inactive_user', 'Inactive user');
    await this.sessions.useRefreshToken(tx, { tokenHash, sessionId, lifetimeSeconds: this.lifetimeSeconds });
    const refreshToken = newSecretToken(REFRESH_TOKEN_PREFIX);
    await this.sessions.insertRefreshToken(tx, sessionId, hashToken(refreshToken));
    await this.failures.noteKnown(tx, { name: username, from: { address } });
    return this.grant('user.refresh', { userId, sessionId, refreshToken });
  }

  /** Ends the session. After the commit this process forgets the access tokens that it has verified for it. */
  private async revoke(tx: Tx, sessionId: string): Promise<void> {
    await this.sessions.revoke(tx, sessionId);
    afterCommit(tx, () => this.cache.forget(sessionKey(sessionId)));
  }

  /**
   * Signs the pair before the commit, so that a repetition after a crash gets this pair and not the refusal of a used
   * token. The audit log names the session as the credential.
   */
  private async grant(
    action: 'user.login' | 'user.refresh',
    { userId, sessionId, refreshToken }: { userId: string; sessionId: string; refreshToken: string },
  ): Promise<Decided<TokenPair>> {
    const accessToken = await this.accessTokens.issue(userId, sessionId);
    return {
      outcome: { accessToken, refreshToken, expiresInSeconds: this.accessTokens.lifetimeSeconds },
      audit: { action, resourceType: 'user', resourceId: userId },
      actor: { userId, via: 'session', credentialId: sessionId },
    };
  }
}

/** One answer for unknown, used, revoked and expired tokens. */
const invalidRefreshToken = (): DomainError => new DomainError('unauthenticated', 'The refresh token is not valid. Log in again.');
