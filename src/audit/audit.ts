import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { ProblemCode } from '../common/problem/catalog';
import { DomainError } from '../common/problem/domain-error';
import type { Actor, RequestOrigin } from '../common/request-context';
import { isDatabaseUnavailable, postgresCode } from '../database/postgres-error';
import { run, type PlainValue, type Statement } from '../database/statement';
import type { Tx } from '../database/transaction';
import { boundedDetails, type Details } from './bounded-details';

/** Who acts, and from where. Every RequestContext is one. */
export interface AuditOrigin extends RequestOrigin {
  /** Null: the caller is not authenticated. */
  readonly actor: Pick<Actor, 'userId' | 'via' | 'credentialId'> | null;
}

/**
 * What was done to which resource. `before` and `after` hold ids, states, numbers and names of variables, never a
 * secret or a personal name.
 */
export interface AuditEntry {
  /** Such as `deployment.scale`: the thing and the verb. */
  readonly action: string;
  readonly resourceType: string;
  /** A UUID; null when there is no one thing. */
  readonly resourceId: string | null;
  readonly before?: Details;
  readonly after?: Details;
}

/** A request that was turned down. */
export interface AuditRefusal {
  readonly action: string;
  readonly resourceType: string | null;
  readonly resourceId: string | null;
  readonly code: ProblemCode;
  /**
   * The user name that was typed at a log-in. The audit row keeps the id of that user, and the name only when there is
   * no such user.
   */
  readonly givenUsername: string | null;
  /** What else the row says. Absent: nothing. */
  readonly details?: Details;
}

const RETRY_SECONDS = 2;

/** Writes the audit log: one row for every change, in the transaction of the change, and one row for every refused change. */
@Injectable()
export class Audit {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /**
   * Throws `try_again` when the row cannot be written, so that the caller's transaction rolls back and nothing changes
   * unrecorded.
   */
  async record(tx: Tx, origin: AuditOrigin, entry: AuditEntry): Promise<void> {
    await run(tx, this.recording(origin, [entry]));
  }

  /** The same for what the control plane does without a request. */
  async recordSystem(tx: Tx, ...entries: readonly AuditEntry[]): Promise<void> {
    if (entries.length > 0) await run(tx, recordingOf([null, 'system', null, null, null], entries));
  }

  /** The statement that writes one row for each entry. It fails as `record` does. */
  recording(origin: AuditOrigin, entries: readonly AuditEntry[]): Statement {
    return recordingOf(columnsOf(origin), entries);
  }

  /** A statement outside of any transaction, because a refused request changes nothing that could be committed with it. */
  async recordRefusal(origin: AuditOrigin, refusal: AuditRefusal): Promise<void> {
    const { action, resourceType, resourceId, code, givenUsername, details = null } = refusal;
    const values = [...columnsOf(origin), action, resourceType, resourceId, code, givenUsername, details];
    await this.dataSource.query(INSERT_REFUSAL, values);
  }
}

function recordingOf(origin: readonly PlainValue[], entries: readonly AuditEntry[]): Statement {
  const rows = entries.map(({ before, after, ...entry }) => ({ before: boundedDetails(before), after: boundedDetails(after), ...entry }));
  const [first, ...others] = rows;
  if (first === undefined || others.length > 0) return { text: INSERT_ALL, values: [...origin, JSON.stringify(rows)], failure: unwritten };
  const { action, resourceType, resourceId, before, after } = first;
  return { text: INSERT_ONE, values: [...origin, action, resourceType, resourceId, asJson(before), asJson(after)], failure: unwritten };
}

const asJson = (details: object | null): string | null => (details === null ? null : JSON.stringify(details));

/** When the server has not said so, because the connection broke, nobody knows whether the row and its change were committed. */
function unwritten(cause: unknown): unknown {
  if (postgresCode(cause) === undefined && isDatabaseUnavailable(cause)) return cause;
  const words = 'The change could not be written to the audit log, so it was not made. Please try again.';
  return new DomainError('try_again', words, { retryAfterSeconds: RETRY_SECONDS }, { cause });
}

const columnsOf = ({ actor, requestId, address }: AuditOrigin): PlainValue[] => [
  ...[actor?.userId ?? null, actor?.via ?? 'anonymous', actor?.credentialId ?? null],
  ...[address, requestId],
];

const ORIGIN_AND_THING = `actor_id, via, credential_id, address, request_id, action, resource_type, resource_id`;

/**
 * One statement that writes rows and queues them for sealing. `rows` gives the values.
 * $1 actor, $2 via, $3 credential, $4 address, $5 request id
 */
const insertOf = (rows: string): string => `
  WITH recorded AS (
    INSERT INTO audit_log (${ORIGIN_AND_THING}, outcome, before, after)
    ${rows} RETURNING id)
  INSERT INTO audit_pending (audit_id) SELECT id FROM recorded`;

/**
 * By far the most frequent, and cheaper than a list of one.
 * $6 action, $7 type and $8 id of the resource, $9 before, $10 after
 */
const INSERT_ONE = insertOf(`VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'done', $9, $10)`);

/** $6 entries as JSON. */
const INSERT_ALL = insertOf(`
  SELECT $1, $2, $3, $4, $5, action, "resourceType", "resourceId", 'done', before, after
    FROM jsonb_to_recordset($6::jsonb)
      AS entry(action text, "resourceType" text, "resourceId" uuid, before jsonb, after jsonb)`);

/**
 * $1 actor, $2 via, $3 credential, $4 address, $5 request id, $6 action, $7 type and $8 id of the resource, $9 code,
 * $10 the user name that a log-in gave, $11 what else the row says
 */
const INSERT_REFUSAL = `
  WITH named AS (SELECT (SELECT id FROM users WHERE username = $10::text) AS id),
  recorded AS (
    INSERT INTO audit_log (${ORIGIN_AND_THING}, outcome, code, after)
    SELECT $1, $2, $3, $4, $5, $6, $7, coalesce($8::uuid, named.id), 'refused', $9,
           CASE WHEN named.id IS NULL AND $10::text IS NOT NULL THEN jsonb_build_object('username_given', $10::text)
                ELSE $11::jsonb END
      FROM named
    RETURNING id)
  INSERT INTO audit_pending (audit_id) SELECT id FROM recorded`;
