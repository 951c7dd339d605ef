import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DomainError } from '../common/problem/domain-error';
import type { Actor } from '../common/request-context';
import { postgresCode } from '../database/postgres-error';
import { REFUSED, type PlainValue, type Statement } from '../database/statement';
import type { Tx } from '../database/transaction';
import { reliedRoles } from '../rights/acts';
import { endOnRefusal } from '../common/rights-beat';
import { ROLES } from '../rights/rights';

/** The rights with which a request began have ended or changed since. */
export class StandingLost extends DomainError {
  constructor(lost: Lost) {
    super(lost, WORDS[lost], lost === 'try_again' ? { retryAfterSeconds: 1 } : {});
  }
}

/** What has been lost, as the statements below say it. */
type Lost = 'inactive_user' | 'unauthenticated' | 'try_again';

/**
 * Asks again whether the caller of a request may do what the guard let through: the account is on, the credential is not
 * revoked, and an administrator still is one. That a token expires meanwhile does not matter.
 */
@Injectable()
export class Standing {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /**
   * The statement for the transaction of a command, which fails with `StandingLost`. Until the transaction ends nobody can switch the
   * account off or take the user out of the projects that it works in, so who has done that sees no act of that user after it.
   * `outlivesCredential`: the work goes on when the credential ends.
   */
  requiring(tx: Tx, actor: Actor, { outlivesCredential }: { outlivesCredential: boolean }): Statement {
    const roles = reliedRoles(tx);
    const values = valuesOf(actor, outlivesCredential);
    if (roles.length === 0) return { text: REQUIRE, values, failure: lostBy };
    const projects = roles.map(({ projectId }) => projectId);
    const ranks = roles.map(({ needed }) => ROLES.indexOf(needed));
    return { text: REQUIRE_IN_PROJECTS, values: [...values, projects, ranks], failure: lostBy };
  }

  /** For a request that is open for long. Null: the caller may stay. */
  async lost(actor: Actor): Promise<StandingLost | null> {
    const [row] = await this.dataSource.query<{ lost: Lost | null }[]>(FIND_OUT, valuesOf(actor, false));
    return row?.lost ? new StandingLost(row.lost) : null;
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

const valuesOf = ({ userId, via, credentialId, isAdmin }: Actor, outlivesCredential: boolean): PlainValue[] => [
  userId,
  outlivesCredential ? 'none' : via,
  credentialId,
  isAdmin,
];

function lostBy(error: unknown): unknown {
  const [lost] = LOSSES.filter((each) => postgresCode(error) === REFUSED && error instanceof Error && error.message === each);
  return lost === undefined ? error : new StandingLost(lost);
}

const WORDS: Readonly<Record<Lost, string>> = {
  inactive_user: 'Inactive user',
  unauthenticated: 'Could not validate credentials',
  try_again: 'Your rights have changed since this request began. Please try again.',
};
const LOSSES = Object.keys(WORDS) as Lost[];

/** A session or an API token that is not revoked. What this very transaction has revoked, as a log-out does, counts as valid. */
const isOpen = (table: string): string => `
  EXISTS (SELECT 1 FROM ${table} AS c
           WHERE c.id = $3::uuid AND (c.revoked_at IS NULL OR c.xmin = pg_current_xact_id_if_assigned()::xid))`;

/** The code of what the caller has lost, or null. `hasRoles`: whether the roles are there on which the transaction relies. */
const lost = ({ lock, hasRoles }: { readonly lock: string; readonly hasRoles: string }): string => `
  caller AS MATERIALIZED (
    SELECT u.is_active, (u.is_admin OR NOT $4::boolean) AND ${hasRoles} AS has_rights,
           CASE $2 WHEN 'session' THEN ${isOpen('sessions')}
                   WHEN 'api_token' THEN ${isOpen('api_tokens')} ELSE true END AS is_open
      FROM users AS u WHERE u.id = $1 ${lock}),
  verdict AS MATERIALIZED (
    SELECT CASE WHEN c.is_active IS NOT TRUE THEN 'inactive_user' WHEN NOT c.is_open THEN 'unauthenticated'
                WHEN NOT c.has_rights THEN 'try_again' END AS lost
      FROM (SELECT) AS always LEFT JOIN caller AS c ON true)`;

const REFUSE = `SELECT refuse_transaction(lost) FROM verdict WHERE lost IS NOT NULL`;

/** $1 user, $2 the kind of credential that has to be valid, $3 the credential, $4 whether the request began as an administrator's. */
const FIND_OUT = `WITH ${lost({ lock: '', hasRoles: 'true' })} SELECT lost FROM verdict`;

/** $1 to $4 as in FIND_OUT. */
const REQUIRE = `WITH ${lost({ lock: 'FOR SHARE OF u', hasRoles: 'true' })} ${REFUSE}`;

/** $1 to $4 as in FIND_OUT, $5 projects, $6 the rank of the role that is needed in each. */
const REQUIRE_IN_PROJECTS = `
  WITH held AS MATERIALIZED (
    SELECT m.project_id, array_position(ARRAY['${ROLES.join(`', '`)}'], m.role) - 1 AS rank FROM project_members AS m
     WHERE m.user_id = $1 AND m.project_id = ANY($5::uuid[]) ORDER BY m.project_id FOR SHARE),
  ${lost({
    lock: 'FOR SHARE OF u',
    hasRoles: `
      NOT EXISTS (SELECT 1 FROM unnest($5::uuid[], $6::int[]) AS a(project_id, needed)
                   WHERE NOT EXISTS (SELECT 1 FROM held AS h WHERE h.project_id = a.project_id AND h.rank >= a.needed))`,
  })}
  ${REFUSE}`;
