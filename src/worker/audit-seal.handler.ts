import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AuditSeal, SEAL_BATCH, type ChainHead } from '../audit/audit-seal';
import { anchorText } from '../audit/chain-link';
import type { ClaimedJob, JobHandler, JobResult } from '../jobs/job-kinds';
import { Metrics } from '../metrics/metrics';

const EVERY_MS = 3_000;

/**
 * Seals new audit entries, batch after batch. Once a day it writes the newest seal into the program's log, so that a later
 * change of the database can be detected.
 */
@Injectable()
export class AuditSealHandler implements JobHandler {
  readonly kind = 'audit.seal';
  readonly concurrency = 1;
  readonly longestDelayMs = 120_000;
  private readonly logger = new Logger('Audit');
  private anchoredOn = '';

  constructor(
    private readonly seal: AuditSeal,
    @InjectDataSource() dataSource: DataSource,
    metrics: Metrics,
  ) {
    metrics.gauges({
      source: 'audit log',
      gauges: [
        { name: 'fog_audit_unsealed', help: 'Audit rows that have no place in the chain yet.' },
        { name: 'fog_audit_oldest_unsealed_age_seconds', help: 'How long the oldest of them has been waiting.' },
      ],
      read: async () => {
        const [row] = await dataSource.query<{ count: number; age: number }[]>(UNSEALED);
        return {
          fog_audit_unsealed: [{ value: row?.count ?? 0 }],
          fog_audit_oldest_unsealed_age_seconds: [{ value: row?.age ?? 0 }],
        };
      },
    });
  }

  async handle(_job: ClaimedJob, signal: AbortSignal): Promise<JobResult> {
    for (;;) {
      signal.throwIfAborted();
      const { count, head } = await this.seal.sealBatch();
      if (head) this.anchor(head);
      if (count < SEAL_BATCH) return { kind: 'again', afterMs: EVERY_MS };
    }
  }

  private anchor(head: ChainHead): void {
    if (head.day === this.anchoredOn) return;
    this.anchoredOn = head.day;
    this.logger.log(`audit anchor ${anchorText(head)}`);
  }
}

const UNSEALED = `
  SELECT (SELECT count(*)::int FROM audit_pending) AS count,
         coalesce((SELECT extract(epoch FROM now() - a.at) FROM audit_log AS a
                    WHERE a.id = (SELECT min(audit_id) FROM audit_pending)), 0)::float8 AS age`;
