import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { CredentialCache } from '../auth/credential-cache';
import { LoginFailures } from '../auth/login-failures';
import { PasswordCheck } from '../auth/password-check';
import { PasswordHasher } from '../auth/password-hasher';
import { hashToken } from '../auth/secret-token';
import { SessionsRepository } from '../auth/sessions.repository';
import type { LoginRecord } from '../auth/users.repository';
import { Commands } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, OpenRequestContext, RequestContext } from '../common/request-context';
import { afterCommit } from '../database/transaction';
import { MailSender } from '../mail/mail-sender';
import { AccountsRepository } from './accounts.repository';
import { PasswordLinksRepository } from './password-links.repository';

/** What people do with their own passwords. */
@Injectable()
export class PasswordsService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly commands: Commands,
    private readonly accounts: AccountsRepository,
    private readonly links: PasswordLinksRepository,
    private readonly sessions: SessionsRepository,
    private readonly passwords: PasswordHasher,
    private readonly check: PasswordCheck,
    private readonly failures: LoginFailures,
    private readonly mails: MailSender,
    private readonly cache: CredentialCache,
  ) {}

  /**
   * Changes the caller's password and ends all of their other sessions. A wrong current password counts as a failed log-in from this
   * session alone, so that neither strangers who guess keep the caller out nor a stolen session its owner.
   * Throws `conflict` unless the caller has a session, `validation_failed` and `account_locked`.
   */
  async change(current: string, next: string, context: RequestContext): Promise<void> {
    const { actor } = context;
    requireSession(actor);
    const user = await this.checked(actor, current);
    const to = await this.passwords.inSlot((argon2) => argon2.hash(next));
    await this.commands.run(context, async (tx) => {
      if (!(await this.accounts.setPassword(tx, user.id, { from: user.passwordHash, to })))
        throw new DomainError('conflict', 'The password was changed by another request a moment ago. Log in with that one.');
      await this.sessions.revokeAllOf(tx, user.id, actor.credentialId);
      await this.failures.noteKnown(tx, { name: actor.username, from: { address: context.address } });
      afterCommit(tx, () => this.cache.clear());
      return { outcome: undefined, audit: { action: 'user.change_password', resourceType: 'user', resourceId: user.id } };
    });
  }

  /**
   * Has a one-time link mailed to the account, if there is such an account. The answer and the steps are the same if there is none.
   * Throws `email_not_configured`.
   */
  async requestLink(nameOrAddress: string, context: OpenRequestContext): Promise<void> {
    this.mails.requireConfigured();
    await this.commands.run(context, async (tx) => {
      const userId = await this.links.findMailable(tx, nameOrAddress);
      return {
        outcome: undefined,
        audit: { action: 'user.request_password', resourceType: 'user', resourceId: userId },
        jobs: [{ kind: 'account.mail_password_link', key: userId ?? randomUUID() }],
      };
    });
  }

  /**
   * Uses a one-time link up: sets the password, ends all sessions of the user and forgets failed log-ins and every known address but the
   * one that it is used from. Of several uses at once one succeeds. Throws `validation_failed` for a link that is none, was used, or has expired.
   */
  async confirm(token: string, password: string, context: OpenRequestContext): Promise<void> {
    const tokenHash = hashToken(token);
    if (!(await this.links.isOpen(tokenHash))) throw badLink();
    const to = await this.passwords.inSlot((argon2) => argon2.hash(password));
    await this.commands.run(context, async (tx) => {
      const userId = await this.links.take(tx, tokenHash);
      const account = userId === null ? null : await this.accounts.lock(tx, userId);
      if (!account) throw badLink();
      await this.accounts.setPassword(tx, account.id, { from: null, to });
      await this.sessions.revokeAllOf(tx, account.id);
      await this.failures.forgetPlaces(tx, account.username);
      await this.failures.noteKnown(tx, { name: account.username, from: { address: context.address } });
      afterCommit(tx, () => this.cache.clear());
      return { outcome: undefined, audit: { action: 'user.reset_password', resourceType: 'user', resourceId: account.id } };
    });
  }

  private async checked({ username, credentialId }: Actor, current: string): Promise<LoginRecord> {
    const attempt = { name: username, from: { sessionId: credentialId } };
    await this.failures.noteKnown(this.dataSource, attempt);
    try {
      return await this.check.ofUser(attempt, current);
    } catch (error) {
      if (error instanceof DomainError && error.code === 'bad_credentials') throw fault('/current_password', 'current_password is wrong');
      throw error;
    }
  }
}

/** A token of a machine, and whoever has stolen one, must not take the account over. */
function requireSession({ via }: Actor): void {
  if (via === 'api_token') throw new DomainError('conflict', 'This is an API token. Log in with the password to change it.');
  if (via === 'external') throw new DomainError('conflict', 'Your password is kept by your identity provider. Change it there.');
}

const badLink = (): DomainError => fault('/token', 'token is wrong, was used, or has expired. Ask for a new one');

const fault = (pointer: string, detail: string): DomainError =>
  new DomainError('validation_failed', `${detail}.`, { errors: [{ pointer, detail }] });
