import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import { ClockWatch } from '../database/clock-watch';
import { inTransaction } from '../database/transaction';
import { Audit } from './audit';

const BATCH = 1_000;

/**
 * What a purge records about the last link that it removed, so that the rest of the chain can still be checked. It is
 * in the audit row with the action `audit.purge`.
 */
export interface PurgedThrough {
  readonly through_position: string;
  readonly through_hash: string;
  readonly rows: number;
}

/**
 * Removes audit rows that are older than AUDIT_RETENTION_DAYS, oldest first and only sealed ones. The last purged link
 * stays in the chain, because the hash of the next one is computed from it. Every batch is itself recorded.
 */
@Injectable()
export class AuditRetention {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly audit: Audit,
    private readonly config: AppConfig,
    private readonly clock: ClockWatch,
  ) {}

  /** Returns how many rows were removed: none while a step of the clock is not confirmed. Starts only when a whole day of rows is due, because each batch adds an audit row. */
  async purge(maxBatches = 100): Promise<number> {
    if (!(await this.isDue())) return 0;
    let removed = 0;
    for (let batch = 0; batch < maxBatches; batch++) {
      const count = await this.purgeBatch();
      removed += count;
      if (count < BATCH) break;
    }
    return removed;
  }

  private async isDue(): Promise<boolean> {
    const rows = await this.dataSource.query<unknown[]>(DUE, [this.config.AUDIT_RETENTION_DAYS]);
    return rows.length > 0;
  }

  private purgeBatch(): Promise<number> {
    return inTransaction(this.dataSource, async (tx) => {
      if (!(await this.clock.mayRemove(tx))) return 0;
      await tx.query(`SET LOCAL fog.operation = 'audit_retention'`);
      const [last] = await tx.query<PurgedThrough[]>(PURGE, [this.config.AUDIT_RETENTION_DAYS, BATCH]);
      if (!last) return 0;
      await tx.query(`DELETE FROM audit_chain WHERE position < $1`, [last.through_position]);
      await this.audit.recordSystem(tx, { action: 'audit.purge', resourceType: 'audit', resourceId: null, after: { ...last } });
      return last.rows;
    });
  }
}

/** $1 AUDIT_RETENTION_DAYS. */
const DUE = `
  SELECT 1
    FROM (SELECT a.at FROM audit_chain AS c JOIN audit_log AS a ON a.id = c.audit_id
           ORDER BY c.position LIMIT 1) AS oldest
   WHERE oldest.at < now() - make_interval(days => $1 + 1)`;

/** $1 AUDIT_RETENTION_DAYS, $2 how many rows at most. */
const PURGE = `
  WITH oldest AS (
    SELECT c.position, c.audit_id, c.hash, a.at >= now() - make_interval(days => $1) AS stays
      FROM audit_chain AS c JOIN audit_log AS a ON a.id = c.audit_id ORDER BY c.position LIMIT $2),
  due AS (
    SELECT position, audit_id, hash FROM oldest
     WHERE position < coalesce((SELECT min(position) FROM oldest WHERE stays), 9223372036854775807)),
  purged AS (DELETE FROM audit_log AS a USING due WHERE a.id = due.audit_id)
  SELECT position AS through_position, encode(hash, 'hex') AS through_hash, (SELECT count(*)::int FROM due) AS rows
    FROM due ORDER BY position DESC LIMIT 1`;
