import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { ApiTokensRepository } from '../auth/api-tokens.repository';
import { CredentialCache } from '../auth/credential-cache';
import type { UserRecord } from '../auth/identity';
import { LoginFailures } from '../auth/login-failures';
import { PasswordHasher } from '../auth/password-hasher';
import { newSecretToken } from '../auth/secret-token';
import { SessionsRepository } from '../auth/sessions.repository';
import { unlessTaken } from '../auth/users.service';
import { UsersRepository } from '../auth/users.repository';
import type { AuditEntry } from '../audit/audit';
import { Commands, UNCHANGED } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import { afterCommit, type Tx } from '../database/transaction';
import { OwnQuotas } from '../quotas/own-quotas.repository';
import type { AccountChange, AccountRecord, OpenedLink } from './account.types';
import { AccountsRepository, type AccountRow } from './accounts.repository';
import { PasswordLinksRepository } from './password-links.repository';

/** An account that was added, with the one-time link for its user if it was added without a password. */
export interface AddedAccount {
  readonly user: UserRecord;
  readonly link: OpenedLink | null;
}

/** What administrators do with the accounts of others. */
@Injectable()
export class AccountsService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly commands: Commands,
    private readonly accounts: AccountsRepository,
    private readonly users: UsersRepository,
    private readonly sessions: SessionsRepository,
    private readonly tokens: ApiTokensRepository,
    private readonly links: PasswordLinksRepository,
    private readonly passwords: PasswordHasher,
    private readonly failures: LoginFailures,
    private readonly cache: CredentialCache,
    private readonly quotas: OwnQuotas,
  ) {}

  async list(page: { search?: string; limit: number; offset: number }): Promise<{ accounts: AccountRecord[]; total: number }> {
    const { rows, total } = await this.accounts.findPage(page);
    return { accounts: await this.withLocks(this.dataSource.manager, rows), total };
  }

  /** Throws `not_found`. */
  async get(id: string): Promise<AccountRecord> {
    return this.withLock(this.dataSource.manager, known(id, await this.accounts.find(id)));
  }

  /**
   * Without a password the account has one that nobody knows, and a one-time link with which its user sets another.
   * Throws `already_exists` when the name or the address is taken, also by a request at the same moment.
   */
  async add(account: { username: string; email: string; password?: string }, context: RequestContext): Promise<AddedAccount> {
    const password = account.password ?? newSecretToken('');
    const passwordHash = await this.passwords.inSlot((argon2) => argon2.hash(password));
    const added = this.commands.run<AddedAccount>(context, async (tx) => {
      const user = await this.users.insert(tx, { username: account.username, email: account.email, passwordHash });
      const link = account.password === undefined ? await this.links.open(tx, user.id) : null;
      return { outcome: { user, link }, audit: userEntry('add', user.id, { after: { invited: link !== null } }) };
    });
    return unlessTaken(added);
  }

  /**
   * While an account is off, all its credentials are answered with 403; once it is on again, its sessions and API tokens from
   * before stay ended. Of administrators who take each other away at once the last is refused, so that one remains.
   * Throws `not_found`, `conflict` and `already_exists`.
   */
  change(id: string, change: AccountChange, context: RequestContext): Promise<AccountRecord> {
    if (id === context.actor.userId && change.isActive === false) throw new DomainError('conflict', 'You cannot deactivate yourself.');
    const changed = this.commands.run(context, async (tx) => {
      const takesAway = change.isActive === false || change.isAdmin === false;
      if (takesAway) await this.accounts.lockAdministrators(tx);
      // The project before its user, as everybody who locks both.
      const quota = change.quota ? await this.quotas.set(tx, id, change.quota) : null;
      const before = known(id, await this.accounts.lock(tx, id));
      if (!before.isActive && change.isActive === true) await this.endCredentials(tx, id);
      const after = await this.accounts.change(tx, id, change);
      if (takesAway && !(await this.accounts.hasActiveAdministrator(tx)))
        throw new DomainError('conflict', 'This is the last active administrator. Make sure that another one is active first.');
      afterCommit(tx, () => this.cache.clear());
      const entries = entriesOf(change, { ...before, quota: quota ?? before.quota });
      return { outcome: await this.withLock(tx, after), audit: entries.length > 0 ? entries : UNCHANGED };
    });
    return unlessTaken(changed);
  }

  /** The failed log-ins of the name are forgotten. Throws `not_found`. */
  unlock(id: string, context: RequestContext): Promise<AccountRecord> {
    return this.commands.run(context, async (tx) => {
      const account = known(id, await this.accounts.lock(tx, id));
      await this.failures.forgetName(tx, account.username);
      return { outcome: { ...account, lockedUntil: null }, audit: userEntry('unlock', id) };
    });
  }

  /** A new link takes the place of the one that an administrator has made before. Throws `not_found` and `conflict`. */
  makeLink(id: string, context: RequestContext): Promise<OpenedLink> {
    return this.commands.run(context, async (tx) => {
      const { hasPassword } = known(id, await this.accounts.lock(tx, id));
      if (!hasPassword) throw new DomainError('conflict', 'This user logs in at your identity provider and has no password here.');
      return { outcome: await this.links.open(tx, id), audit: userEntry('link_password', id) };
    });
  }

  private async endCredentials(tx: Tx, id: string): Promise<void> {
    await this.sessions.revokeAllOf(tx, id);
    await this.tokens.revokeAllOf(tx, id);
  }

  private async withLocks(db: EntityManager, rows: readonly AccountRow[]): Promise<AccountRecord[]> {
    const locks = await this.failures.lockedUntil(
      db,
      rows.map(({ username }) => username),
    );
    return rows.map((row) => withLock(row, locks));
  }

  private async withLock(db: EntityManager, row: AccountRow): Promise<AccountRecord> {
    return withLock(row, await this.failures.lockedUntil(db, [row.username]));
  }
}

const withLock = (row: AccountRow, locks: ReadonlyMap<string, Date>): AccountRecord => ({
  ...row,
  lockedUntil: locks.get(row.username) ?? null,
});

/** One row for each thing that was asked for, also when it was so before. The audit log does not hold addresses. */
function entriesOf({ isActive, isAdmin, email, quota }: AccountChange, before: AccountRow): AuditEntry[] {
  return [
    ...(isActive === undefined
      ? []
      : [
          userEntry(isActive ? 'activate' : 'deactivate', before.id, {
            before: { is_active: before.isActive },
            after: { is_active: isActive },
          }),
        ]),
    ...(isAdmin === undefined
      ? []
      : [userEntry(isAdmin ? 'promote' : 'demote', before.id, { before: { is_admin: before.isAdmin }, after: { is_admin: isAdmin } })]),
    ...(email === undefined ? [] : [userEntry('change', before.id, { after: { changed: ['email'] } })]),
    ...(quota === undefined ? [] : [userEntry('set_quota', before.id, { before: { quota: before.quota }, after: { quota } })]),
  ];
}

const userEntry = (verb: string, id: string, more: Pick<AuditEntry, 'before' | 'after'> = {}): AuditEntry => ({
  action: `user.${verb}`,
  resourceType: 'user',
  resourceId: id,
  ...more,
});

function known(id: string, account: AccountRow | null): AccountRow {
  if (!account) throw new DomainError('not_found', `User ${id} not found`);
  return account;
}
