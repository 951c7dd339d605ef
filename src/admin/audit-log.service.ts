import { Injectable } from '@nestjs/common';
import { Standing } from '../commands/standing';
import { walkedPage } from '../common/http/walked-page';
import { RIGHTS_BEAT_MS } from '../common/rights-beat';
import type { Actor } from '../common/request-context';
import type { AuditRecordDto } from './audit-log.dto';
import { AuditLogRepository } from './audit-log.repository';
import { encodeAuditCursor, type AuditCursor, type AuditFilters, type AuditQuery } from './audit-query';

const EXPORT_BATCH = 500;

export interface AuditPage {
  readonly items: AuditRecordDto[];
  readonly total: number;
  readonly next?: { cursor: string };
  readonly prev?: { cursor: string };
}

/** The audit log as administrators read it: in pages, or whole. */
@Injectable()
export class AuditLogService {
  constructor(
    private readonly records: AuditLogRepository,
    private readonly standing: Standing,
  ) {}

  async page({ filters, limit, cursor }: AuditQuery): Promise<AuditPage> {
    const [walked, total] = await Promise.all([this.records.rows(filters, limit + 1, cursor), this.records.count(filters)]);
    const { rows, hasNext, hasPrev } = walkedPage(walked, { limit, offset: 0, backwards: cursor?.backwards ?? null });
    const edge = (row: AuditRecordDto | undefined, backwards: boolean): { cursor: string } | undefined =>
      row && { cursor: encodeAuditCursor({ id: row.id, backwards }) };
    return { items: rows, total, next: hasNext ? edge(rows.at(-1), false) : undefined, prev: hasPrev ? edge(rows[0], true) : undefined };
  }

  /**
   * Every row, newest first, as lines of JSON. A batch is read when the one before has been taken, so a slow reader costs
   * neither memory nor an open transaction. Breaks off when the reader loses the right to it.
   */
  async *lines(filters: AuditFilters, reader: Actor): AsyncGenerator<string> {
    let cursor: AuditCursor | null = null;
    let checkedAt = performance.now();
    for (;;) {
      if (performance.now() - checkedAt > RIGHTS_BEAT_MS) {
        const lost = await this.standing.lost(reader);
        if (lost) throw lost;
        checkedAt = performance.now();
      }
      const rows: AuditRecordDto[] = await this.records.rows(filters, EXPORT_BATCH, cursor);
      const last = rows.at(-1);
      if (!last) return;
      yield rows.map((row) => `${JSON.stringify(row)}\n`).join('');
      if (rows.length < EXPORT_BATCH) return;
      cursor = { id: last.id, backwards: false };
    }
  }
}
