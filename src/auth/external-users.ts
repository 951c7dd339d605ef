import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { isEmail } from 'class-validator';
import { randomBytes, randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import { groupEntries } from '../audit/group-entries';
import { AppConfig } from '../config/app-config';
import { violatedConstraint } from '../database/postgres-error';
import { inTransaction } from '../database/transaction';
import { OwnQuotas } from '../quotas/own-quotas.repository';
import { GroupRoles } from '../rights/group-roles';
import { groupsOf } from './external-groups';
import type { Identity } from './identity';
import type { JwtClaims } from './jwt-format';

interface ExternalRow {
  readonly id: string;
  readonly username: string;
  readonly isAdmin: boolean;
  readonly isActive: boolean;
  /** Those that the newest token named, and when that was issued. */
  readonly groups: readonly string[] | null;
  readonly groupsAt: number | null;
}

const MAX_ATTEMPTS = 8;
const COLUMNS = `id, username, is_admin AS "isAdmin", is_active AS "isActive",
  external_groups AS groups, external_groups_at AS "groupsAt"`;

/** By so much, in seconds, a newer token that names the same groups is newer than what is noted before it is noted itself. */
const NOTED_EVERY = 60;

/** $1 user, $2 groups, $3 when the token was issued. */
const RENEW = `
  UPDATE users SET external_groups_at = greatest(external_groups_at, $3) WHERE id = $1 AND external_groups = $2::text[]`;

/** $1 user, $2 groups, $3 when the token was issued. */
const FOLLOW = `
  UPDATE users SET external_groups = $2, external_groups_at = $3
   WHERE id = $1 AND (external_groups_at IS NULL OR external_groups_at <= $3) AND external_groups IS DISTINCT FROM $2::text[]`;

/**
 * Users of the outside issuer. Only issuer and subject identify them: a name or address in a token never leads to an
 * existing account.
 */
@Injectable()
export class ExternalUsers {
  private readonly issuer: string;
  private readonly claim: string | undefined;
  private readonly logger = new Logger(ExternalUsers.name);

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly audit: Audit,
    private readonly roles: GroupRoles,
    private readonly quotas: OwnQuotas,
    config: AppConfig,
  ) {
    this.issuer = config.JWT_ISSUER;
    this.claim = config.JWT_GROUPS_CLAIM;
  }

  /** Makes one user, even when several first requests of that user arrive at once, and follows the groups that the token names. */
  async findOrCreate(claims: JwtClaims): Promise<Identity> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const user = (await this.find(claims.sub)) ?? (await this.insert(claims, attempt));
      if (!user) continue;
      await this.followGroups(user, claims);
      return toIdentity(user);
    }
    throw new Error('No free user name was found for a user of the outside issuer.');
  }

  /** By which answers about the user differ: the groups of a newer token count at once. */
  groupsKey(claims: JwtClaims): string {
    return this.claim === undefined ? '' : `${claims.iat} ${JSON.stringify(groupsOf(claims, this.claim))}`;
  }

  /** A token that was issued before the newest that was seen changes nothing; the newest is noted to the minute while groups stay the same. */
  private async followGroups({ id, username, groups, groupsAt }: ExternalRow, claims: JwtClaims): Promise<void> {
    if (this.claim === undefined) return;
    const named = groupsOf(claims, this.claim);
    if ('unknown' in named) this.logger.warn(`The groups of ${username} give no rights: ${named.unknown}`);
    const now = 'groups' in named ? named.groups : [];
    const isSame = groups !== null && groups.length === now.length && groups.every((group, index) => group === now[index]);
    if (groupsAt !== null && claims.iat < groupsAt + (isSame ? NOTED_EVERY : 0)) return;
    if (isSame && (await this.renew(id, now, claims.iat))) return;
    await inTransaction(this.dataSource, async (tx) => {
      await this.roles.lock(tx);
      await this.roles.lockMembers(tx, [id], now);
      const [, changed] = await tx.query<[unknown[], number]>(FOLLOW, [id, now, claims.iat]);
      if (changed === 0) return;
      const changes = await this.roles.follow(tx, { userIds: [id] });
      const entry = { action: 'user.follow_groups', resourceType: 'user', resourceId: id, after: { groups: now.length } };
      await this.audit.recordSystem(tx, entry, ...groupEntries(changes));
    });
  }

  /** False when the groups have changed meanwhile. */
  private async renew(id: string, groups: readonly string[], issuedAt: number): Promise<boolean> {
    const [, changed] = await this.dataSource.query<[unknown[], number]>(RENEW, [id, groups, issuedAt]);
    return changed > 0;
  }

  private async find(subject: string): Promise<ExternalRow | undefined> {
    const [row] = await this.dataSource.query<ExternalRow[]>(
      `SELECT ${COLUMNS} FROM users WHERE external_issuer = $1 AND external_subject = $2`,
      [this.issuer, subject],
    );
    return row;
  }

  /**
   * With the quota of those who register by themselves. Undefined when the identity was taken by a parallel request, or when the name is
   * taken. A taken address is left out instead.
   */
  private async insert(claims: JwtClaims, attempt: number): Promise<ExternalRow | undefined> {
    const id = randomUUID();
    const name = usernameFrom(claims);
    const username = attempt === 0 ? name : `${name.slice(0, 41)}-${randomBytes(4).toString('hex')}`;
    const made = inTransaction(this.dataSource, async (tx) => {
      const [row] = await tx.query<ExternalRow[]>(
        `INSERT INTO users (id, username, email, external_issuer, external_subject)
         SELECT $1, $2,
                CASE WHEN $3::text IS NULL OR EXISTS (SELECT 1 FROM users WHERE email = lower($3)) THEN $4 ELSE lower($3) END,
                $5, $6
         ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
        [id, username, emailFrom(claims), `${id}@users.invalid`, this.issuer, claims.sub],
      );
      if (!row) return undefined;
      await this.quotas.setForNewcomer(tx, id);
      await this.audit.recordSystem(tx, { action: 'user.register', resourceType: 'user', resourceId: id, after: { via: 'external' } });
      return row;
    });
    return made.catch((error: unknown) => {
      // A project has the name that the personal project of the user would get.
      if (violatedConstraint(error) === 'uq_projects_name') return undefined;
      throw error;
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

/** The address in the token, unless the issuer calls it unverified, which some write as a text. */
function emailFrom({ email, email_verified: verified }: JwtClaims): string | null {
  return typeof email === 'string' && String(verified) !== 'false' && isEmail(email, { allow_utf8_local_part: false }) ? email : null;
}

const toIdentity = ({ id, username, isAdmin, isActive }: ExternalRow): Identity => ({
  actor: { userId: id, username, isAdmin, readOnly: false, via: 'external', credentialId: id },
  isActive,
});
