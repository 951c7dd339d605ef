import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { UNPREPARED } from '../database/preparing-client';
import type { AuditRecordDto } from './audit-log.dto';
import type { AuditCursor, AuditFilters } from './audit-query';

/** Counting stops here: no reader pages further, and counting a log of years would read all of it for every page. */
const COUNTED_AT_MOST = 10_000;

/** The only conditions that a request can ask for. They combine in too many ways for prepared statements. */
const CONDITIONS: Readonly<Record<keyof AuditFilters, (parameter: string) => string>> = {
  actorId: (parameter) => `a.actor_id = ${parameter}::uuid`,
  action: (parameter) => `a.action = ${parameter}`,
  resourceType: (parameter) => `a.resource_type = ${parameter}`,
  resourceId: (parameter) => `a.resource_id = ${parameter}::uuid`,
  outcome: (parameter) => `a.outcome = ${parameter}`,
  requestId: (parameter) => `a.request_id = ${parameter}`,
  after: (parameter) => `a.at >= ${parameter}::timestamptz`,
  before: (parameter) => `a.at < ${parameter}::timestamptz`,
};

/** Reads the audit log. Names of users are looked up as they are now; the log itself holds none. */
@Injectable()
export class AuditLogRepository {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** The rows next to the cursor: newest first, or oldest first when the cursor goes backwards. */
  async rows(filters: AuditFilters, limit: number, cursor: AuditCursor | null): Promise<AuditRecordDto[]> {
    const { conditions, values } = conditionsOf(filters);
    const backwards = cursor?.backwards ?? false;
    if (cursor) conditions.push(`a.id ${backwards ? '>' : '<'} $${values.push(cursor.id)}`);
    const direction = backwards ? 'ASC' : 'DESC';
    return this.dataSource.query<AuditRecordDto[]>(
      `${UNPREPARED} SELECT ${COLUMNS} FROM audit_log AS a
         LEFT JOIN users AS u ON u.id = a.actor_id LEFT JOIN audit_chain AS c ON c.audit_id = a.id
        WHERE ${conditions.join(' AND ') || 'true'} ORDER BY a.id ${direction} LIMIT $${values.push(limit)}`,
      values,
    );
  }

  /** How many rows there are, up to COUNTED_AT_MOST. */
  async count(filters: AuditFilters): Promise<number> {
    const { conditions, values } = conditionsOf(filters);
    const [row] = await this.dataSource.query<{ count: number }[]>(
      `${UNPREPARED} SELECT count(*)::int AS count
         FROM (SELECT 1 FROM audit_log AS a
                WHERE ${conditions.join(' AND ') || 'true'} LIMIT $${values.push(COUNTED_AT_MOST)}) AS counted`,
      values,
    );
    return row?.count ?? 0;
  }
}

function conditionsOf(filters: AuditFilters): { conditions: string[]; values: unknown[] } {
  const values: unknown[] = [];
  const conditions = (Object.keys(CONDITIONS) as (keyof AuditFilters)[]).flatMap((name) => {
    const value = filters[name];
    return value === undefined ? [] : [CONDITIONS[name](`$${values.push(value)}`)];
  });
  return { conditions, values };
}

const COLUMNS = `
  a.id, to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at, a.actor_id, u.username AS actor_name, a.via,
  a.credential_id, a.address, a.action, a.resource_type, a.resource_id, a.outcome, a.code, a.request_id, a.before, a.after,
  c.position, encode(c.hash, 'hex') AS hash`;
