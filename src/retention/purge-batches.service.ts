import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import { AppConfig } from '../config/app-config';
import { ClockWatch } from '../database/clock-watch';
import { inTransaction } from '../database/transaction';
import { Events } from '../events/events';
import { purgeBlocks } from './purge-block';
import { allowedNow } from './purge-brake';
import { PurgeMetrics } from './purge-metrics';
import { purgeAudit, purgeEvent } from './purge-records';
import { PurgeRepository } from './purge.repository';
import { PurgedVolumes } from './purged-volumes';

/** How many deployments one transaction purges. Few, so that its locks are short and a failure costs little. */
const PURGE_BATCH = 100;

export interface BatchResult {
  readonly purged: number;
  /**
   * `more`: call again. `done`: nothing is due. `braked`: the limit of this hour is reached. `busy`: another process is
   * purging. `clock`: a step of the clock is not confirmed.
   */
  readonly then: 'more' | 'done' | 'braked' | 'busy' | 'clock';
}

/** Purges in the background what is due, not held and not locked, a batch at a time. */
@Injectable()
export class PurgeBatches {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly repository: PurgeRepository,
    private readonly audit: Audit,
    private readonly events: Events,
    private readonly metrics: PurgeMetrics,
    private readonly config: AppConfig,
    private readonly clock: ClockWatch,
    private readonly volumes: PurgedVolumes,
  ) {}

  /** Purges one batch in one transaction, with its audit rows and events. Each deployment is checked again under its lock. */
  async purgeBatch(): Promise<BatchResult> {
    const result = await inTransaction(this.dataSource, async (tx): Promise<BatchResult> => {
      if (!(await this.repository.beginBatch(tx))) return { purged: 0, then: 'busy' };
      if (!(await this.clock.mayRemove(tx))) return { purged: 0, then: 'clock' };
      const allowed = allowedNow(this.config.PURGE_MAX_PER_HOUR, await this.repository.purgedLastHour(tx));
      const locked = await this.repository.lockDue(tx, Math.max(1, Math.min(PURGE_BATCH, allowed)));
      if (locked.length === 0) return { purged: 0, then: 'done' };
      if (allowed === 0) return { purged: 0, then: 'braked' };

      const candidates = (await this.repository.candidates(tx, locked)).filter((each) => purgeBlocks(each, false).length === 0);
      if (candidates.length === 0) return { purged: 0, then: 'done' };
      await this.audit.recordSystem(tx, ...candidates.map((each) => purgeAudit(each, { reason: 'The retention is over' })));
      await this.events.record(tx, candidates.map(purgeEvent));
      const ids = candidates.map(({ id }) => id);
      await this.volumes.release(tx, ids);
      await this.repository.erase(tx, ids);
      return { purged: candidates.length, then: 'more' };
    });
    if (result.purged > 0) this.metrics.count('background', result.purged);
    return result;
  }
}
