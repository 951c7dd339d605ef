import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import { groupEntries } from '../audit/group-entries';
import { inBatches } from '../common/in-batches';
import { AppConfig } from '../config/app-config';
import { inTransaction } from '../database/transaction';
import { GroupRoles } from '../rights/group-roles';
import { CLOCK_LEEWAY_SECONDS, MAX_LIFETIME_SECONDS } from './jwt-format';

/** Forgets the groups of users of the outside identity provider that count no more, with the roles that these gave. */
@Injectable()
export class GroupExpiry {
  private readonly logger = new Logger(GroupExpiry.name);

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
    private readonly roles: GroupRoles,
    private readonly audit: Audit,
  ) {}

  /**
   * Those whom no token names any more that could still be valid: who only comes with API tokens has roles by groups for a day.
   * Gives how many users.
   */
  forgetOld(): Promise<number> {
    return this.forget(OLD, [MAX_LIFETIME_SECONDS + CLOCK_LEEWAY_SECONDS]);
  }

  /** At a start: those of another issuer than the configured one, and all of them without JWT_GROUPS_CLAIM. Gives how many users. */
  async forgetUnconfigured(): Promise<number> {
    const { JWT_GROUPS_CLAIM: claim, JWT_ISSUER: issuer, ROLE: role } = this.config;
    // A process that answers no tokens may be configured without what only these need.
    if (role !== 'all' && role !== 'api') return 0;
    const forgotten = await this.forget(UNCONFIGURED, [claim === undefined ? null : issuer]);
    if (forgotten > 0) this.logger.log(`The groups of ${forgotten} users count no more, as JWT_GROUPS_CLAIM or JWT_ISSUER has changed`);
    return forgotten;
  }

  private forget(which: string, values: readonly (number | string | null)[]): Promise<number> {
    return inBatches((limit) =>
      inTransaction(this.dataSource, async (tx) => {
        await this.roles.lock(tx);
        const select = `SELECT u.id FROM users AS u WHERE u.external_groups <> '{}' AND ${which} ORDER BY u.id LIMIT $2`;
        const ids = (await tx.query<{ id: string }[]>(select, [...values, limit])).map(({ id }) => id);
        if (ids.length === 0) return 0;
        await this.roles.lockMembers(tx, ids, []);
        const forget = `
          WITH locked AS MATERIALIZED (
            SELECT u.id FROM users AS u WHERE u.id = ANY($2::uuid[]) AND ${which} ORDER BY u.id FOR NO KEY UPDATE)
          UPDATE users AS u SET external_groups = NULL, external_groups_at = NULL
            FROM locked WHERE u.id = locked.id RETURNING u.id`;
        const [forgotten] = await tx.query<[{ id: string }[], number]>(forget, [...values, ids]);
        const userIds = forgotten.map(({ id }) => id);
        const changes = await this.roles.follow(tx, { userIds });
        const entry = { action: 'user.forget_groups', resourceType: 'user' } as const;
        await this.audit.recordSystem(tx, ...userIds.map((id) => ({ ...entry, resourceId: id })), ...groupEntries(changes));
        return ids.length;
      }),
    );
  }
}

/** $1 how many seconds groups count after the issue of the token that named them. */
const OLD = `u.external_groups_at < extract(epoch FROM clock_timestamp()) - $1::float8`;
/** $1 the issuer whose groups count; null: none. */
const UNCONFIGURED = `($1::text IS NULL OR u.external_issuer IS DISTINCT FROM $1)`;
