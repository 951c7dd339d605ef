import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { randomBytes } from 'node:crypto';
import { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import { AppConfig } from '../config/app-config';
import { inTransaction } from '../database/transaction';
import { PasswordHasher } from './password-hasher';
import { UsersRepository } from './users.repository';

const BOOTSTRAP_LOCK = 727_003;
const STRONG = /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)/;

export interface FirstAdministrator {
  readonly username: string;
  /** The password, if it was generated here. Print it once and keep it nowhere; null when the configuration gives it. */
  readonly generatedPassword: string | null;
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

  /** Null when there are users already. Of several processes that start at once, one makes the administrator. */
  async ensureAdministrator(): Promise<FirstAdministrator | null> {
    if (!(await this.users.isEmpty())) return null;
    const username = this.config.ADMIN_USERNAME.toLowerCase();
    const generatedPassword = this.config.ADMIN_PASSWORD === undefined ? newPassword() : null;
    const password = this.config.ADMIN_PASSWORD ?? generatedPassword ?? newPassword();
    const passwordHash = await this.passwords.inSlot((argon2) => argon2.hash(password));
    const isMade = await inTransaction(this.dataSource, async (tx) => {
      await tx.query(`SELECT pg_advisory_xact_lock($1)`, [BOOTSTRAP_LOCK]);
      const id = await this.users.insertFirstAdministrator(tx, {
        username,
        email: this.config.ADMIN_EMAIL ?? `${username}@admin.invalid`,
        passwordHash,
      });
      if (id === null) return false;
      await this.audit.recordSystem(tx, { action: 'user.register', resourceType: 'user', resourceId: id, after: { is_admin: true } });
      return true;
    });
    return isMade ? { username, generatedPassword } : null;
  }
}

/** 144 random bits that also satisfy the rule for passwords. */
function newPassword(): string {
  for (;;) {
    const password = randomBytes(18).toString('base64url');
    if (STRONG.test(password)) return password;
  }
}
