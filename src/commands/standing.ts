import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DomainError } from '../common/problem/domain-error';
import type { Actor } from '../common/request-context';
import type { Tx } from '../database/transaction';
import { reliedRoles } from '../rights/acts';
import { endOnRefusal } from '../common/rights-beat';
import { ROLES } from '../rights/rights';

/** The rights with which a request began have ended or changed since. */
export class StandingLost extends DomainError {
  constructor(code: 'inactive_user' | 'unauthenticated' | 'try_again', words: string) {
    super(code, words, code === 'try_again' ? { retryAfterSeconds: 1 } : {});
  }
}

interface Row {
  readonly isActive: boolean;
  readonly isAdmin: boolean;
  readonly isCredentialValid: boolean;
  /** Whether the roles are there on which the transaction relies; absent: it relies on none. */
  readonly hasRoles?: boolean;
}

/**
 * Asks again whether the caller of a request may do what the guard let through: the account is on, the credential is not
 * revoked, and an administrator still is one. That a token expires meanwhile does not matter.
 */
@Injectable()
export class Standing {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /**
   * For the transaction of a command: throws `StandingLost`. Until the transaction ends nobody can switch the account off or take
   * the user out of the projects that it works in, so who has done that sees no act of that user after it. `outlivesCredential`: the work goes on when the credential ends.
   */
  async require(tx: Tx, actor: Actor, { outlivesCredential }: { outlivesCredential: boolean }): Promise<void> {
    const roles = reliedRoles(tx);
    const values = valuesOf(actor, outlivesCredential);
    const rows =
      roles.length === 0
        ? await tx.query<Row[]>(`${STANDING} FOR SHARE OF u`, values)
        : await tx.query<Row[]>(STANDING_IN_PROJECTS, [
            ...values,
            roles.map(({ projectId }) => projectId),
            roles.map(({ needed }) => ROLES.indexOf(needed)),
          ]);
    const lost = verdict(actor, rows);
    if (lost) throw lost;
  }

  /** For a request that is open for long. Null: the caller may stay. */
  async lost(actor: Actor): Promise<StandingLost | null> {
    return verdict(actor, await this.dataSource.query<Row[]>(STANDING, valuesOf(actor, false)));
  }

  /** Lets a request wait. The signal aborts when the caller may not stay, and then the answer is held back (`late-answers.ts`). */
  async during<T>(actor: Actor, wait: (lost: AbortSignal) => Promise<T>): Promise<T> {
    const end = new AbortController();
    // A database that does not answer is no sign that the rights have ended.
    const stopAsking = endOnRefusal(end, () => this.lost(actor).catch(() => null));
    try {
      return await wait(end.signal);
    } finally {
      stopAsking();
    }
  }
}

const valuesOf = ({ userId, via, credentialId }: Actor, outlivesCredential: boolean): string[] => [
  userId,
  outlivesCredential ? 'none' : via,
  credentialId,
];

function verdict(actor: Actor, [standing]: readonly Row[]): StandingLost | null {
  if (standing?.isActive !== true) return new StandingLost('inactive_user', 'Inactive user');
  if (!standing.isCredentialValid) return new StandingLost('unauthenticated', 'Could not validate credentials');
  if (standing.hasRoles === false) return new StandingLost('try_again', CHANGED);
  if (standing.isAdmin || !actor.isAdmin) return null;
  return new StandingLost('try_again', CHANGED);
}

const CHANGED = 'Your rights have changed since this request began. Please try again.';

/** A session or an API token that is not revoked. What this very transaction has revoked, as a log-out does, counts as valid. */
const isOpen = (table: string): string => `
  EXISTS (SELECT 1 FROM ${table} AS c
           WHERE c.id = $3::uuid AND (c.revoked_at IS NULL OR c.xmin = pg_current_xact_id_if_assigned()::xid))`;

const standing = (more: string): string => `
  SELECT u.is_active AS "isActive", u.is_admin AS "isAdmin",
         CASE $2 WHEN 'session' THEN ${isOpen('sessions')}
                 WHEN 'api_token' THEN ${isOpen('api_tokens')} ELSE true END AS "isCredentialValid"${more}
    FROM users AS u WHERE u.id = $1`;

/** $1 user, $2 the kind of credential that has to be valid, $3 the credential. */
const STANDING = standing('');

/** $1 to $3 as in STANDING, $4 projects, $5 the rank of the role that is needed in each. */
const STANDING_IN_PROJECTS = `
  WITH held AS MATERIALIZED (
    SELECT m.project_id, array_position(ARRAY['${ROLES.join(`', '`)}'], m.role) - 1 AS rank FROM project_members AS m
     WHERE m.user_id = $1 AND m.project_id = ANY($4::uuid[]) ORDER BY m.project_id FOR SHARE)
  ${standing(`,
         NOT EXISTS (SELECT 1 FROM unnest($4::uuid[], $5::int[]) AS a(project_id, needed)
                      WHERE NOT EXISTS (SELECT 1 FROM held AS h
                                         WHERE h.project_id = a.project_id AND h.rank >= a.needed)) AS "hasRoles"`)}
     FOR SHARE OF u`;
