import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import { makeFolder } from '../common/make-folder';
import { AppConfig } from '../config/app-config';
import { inTransaction } from '../database/transaction';
import { PasswordHasher } from './password-hasher';
import { STRONG_PASSWORD } from './strong-password';
import { UsersRepository } from './users.repository';

const PASSWORD_FILE = 'admin-password';
const BOOTSTRAP_LOCK = 727_003;

export interface FirstAdministrator {
  readonly username: string;
  /** The file with the password that was made for it; null: the configuration gives the password. */
  readonly passwordFile: string | null;
}

/** Gives an installation without users its administrator. */
@Injectable()
export class AdminBootstrap {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly users: UsersRepository,
    private readonly passwords: PasswordHasher,
    private readonly config: AppConfig,
    private readonly audit: Audit,
  ) {}

  /**
   * Null when there are users already. Of several processes that start at once, one makes the administrator. Throws in words
   * when its password cannot be written down.
   */
  async ensureAdministrator(): Promise<FirstAdministrator | null> {
    if (!(await this.users.isEmpty())) return null;
    const username = this.config.ADMIN_USERNAME.toLowerCase();
    const passwordFile = this.config.ADMIN_PASSWORD === undefined ? join(this.config.DATA_DIR, PASSWORD_FILE) : null;
    const password = this.config.ADMIN_PASSWORD ?? newPassword();
    const passwordHash = await this.passwords.inSlot((argon2) => argon2.hash(password));
    const isMade = await inTransaction(this.dataSource, async (tx) => {
      await tx.query(`SELECT pg_advisory_xact_lock($1)`, [BOOTSTRAP_LOCK]);
      const id = await this.users.insertFirstAdministrator(tx, {
        username,
        email: this.config.ADMIN_EMAIL ?? `${username}@admin.invalid`,
        passwordHash,
      });
      if (id === null) return false;
      // Before the commit: there is never an administrator whose password is nowhere.
      if (passwordFile !== null) writeDown(passwordFile, password);
      await this.audit.recordSystem(tx, { action: 'user.register', resourceType: 'user', resourceId: id, after: { is_admin: true } });
      return true;
    });
    return isMade ? { username, passwordFile } : null;
  }
}

/** Into a file that only the account of this process can read. */
function writeDown(path: string, password: string): void {
  try {
    makeFolder(dirname(path));
    rmSync(path, { force: true });
    writeFileSync(path, `${password}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new Error(`The password of the first administrator cannot be written to ${path} (${cause}). Set ADMIN_PASSWORD.`, {
      cause: error,
    });
  }
}

/** 144 random bits that also satisfy the rule for passwords. */
function newPassword(): string {
  for (;;) {
    const password = randomBytes(18).toString('base64url');
    if (STRONG_PASSWORD.test(password)) return password;
  }
}
