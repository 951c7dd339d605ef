import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { isEmail } from 'class-validator';
import { randomBytes, randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import { AppConfig } from '../config/app-config';
import { inTransaction } from '../database/transaction';
import type { Identity } from './identity';
import type { JwtClaims } from './jwt-format';

interface ExternalRow {
  readonly id: string;
  readonly username: string;
  readonly isAdmin: boolean;
  readonly isActive: boolean;
}

const MAX_ATTEMPTS = 8;
const COLUMNS = `id, username, is_admin AS "isAdmin", is_active AS "isActive"`;

/**
 * Users of the outside issuer. Only issuer and subject identify them: a name or address in a token never leads to an
 * existing account.
 */
@Injectable()
export class ExternalUsers {
  private readonly issuer: string;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly audit: Audit,
    config: AppConfig,
  ) {
    this.issuer = config.JWT_ISSUER;
  }

  /** Makes one user, even when several first requests of that user arrive at once. */
  async findOrCreate(claims: JwtClaims): Promise<Identity> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const user = (await this.find(claims.sub)) ?? (await this.insert(claims, attempt));
      if (user) return toIdentity(user);
    }
    throw new Error('No free user name was found for a user of the outside issuer.');
  }

  private async find(subject: string): Promise<ExternalRow | undefined> {
    const [row] = await this.dataSource.query<ExternalRow[]>(
      `SELECT ${COLUMNS} FROM users WHERE external_issuer = $1 AND external_subject = $2`,
      [this.issuer, subject],
    );
    return row;
  }

  /**
   * Undefined when the identity was taken by a parallel request, or when the name is taken. A taken address is left out
   * instead.
   */
  private async insert(claims: JwtClaims, attempt: number): Promise<ExternalRow | undefined> {
    const id = randomUUID();
    const name = usernameFrom(claims);
    const username = attempt === 0 ? name : `${name.slice(0, 41)}-${randomBytes(4).toString('hex')}`;
    return inTransaction(this.dataSource, async (tx) => {
      const [row] = await tx.query<ExternalRow[]>(
        `INSERT INTO users (id, username, email, external_issuer, external_subject)
         SELECT $1, $2,
                CASE WHEN $3::text IS NULL OR EXISTS (SELECT 1 FROM users WHERE email = lower($3)) THEN $4 ELSE lower($3) END,
                $5, $6
         ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
        [id, username, emailFrom(claims), `${id}@users.invalid`, this.issuer, claims.sub],
      );
      if (row)
        await this.audit.recordSystem(tx, { action: 'user.register', resourceType: 'user', resourceId: id, after: { via: 'external' } });
      return row;
    });
  }
}

/**
 * The user name for an identity: of the preferred name, else of the subject, the characters that our names can have (3
 * to 50 of `a-z0-9_-`).
 */
export function usernameFrom({ preferred_username: preferred, sub }: JwtClaims): string {
  const wished = typeof preferred === 'string' && preferred !== '' ? preferred : sub;
  const clean = wished
    .split('@', 1)
    .join('')
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 50);
  return clean.length >= 3 ? clean : `user-${clean}`.replace(/-$/, '');
}

/** The address in the token, unless the issuer calls it unverified. */
function emailFrom({ email, email_verified: verified }: JwtClaims): string | null {
  return typeof email === 'string' && verified !== false && isEmail(email, { allow_utf8_local_part: false }) ? email : null;
}

const toIdentity = ({ id, username, isAdmin, isActive }: ExternalRow): Identity => ({
  actor: { userId: id, username, isAdmin, readOnly: false, via: 'external', credentialId: id },
  isActive,
});
