import { Injectable, Logger } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import type { ClaimedJob, JobHandler, JobResult } from '../jobs/job-kinds';
import { PurgeBatches } from './purge-batches.service';

const EVERY_MS = 60_000;
/** How many batches one turn purges. Then other jobs get a turn. */
const MAX_BATCHES = 20;

/** Purges every minute the deployments whose retention is over. */
@Injectable()
export class PurgeHandler implements JobHandler {
  readonly kind = 'retention.purge';
  readonly concurrency = 1;
  readonly longestDelayMs = 180_000;
  private readonly logger = new Logger(PurgeHandler.name);

  constructor(
    private readonly batches: PurgeBatches,
    private readonly config: AppConfig,
  ) {}

  async handle(_job: ClaimedJob, signal: AbortSignal): Promise<JobResult> {
    for (let batch = 0; batch < MAX_BATCHES; batch++) {
      signal.throwIfAborted();
      const { purged, then } = await this.batches.purgeBatch();
      if (purged > 0) this.logger.log(`Purged ${purged} deployments whose retention is over`);
      if (then === 'braked') {
        this.logger.warn(
          `The purge waits: it has removed ${this.config.PURGE_MAX_PER_HOUR} deployments within an hour (PURGE_MAX_PER_HOUR)`,
        );
      }
      if (then !== 'more') return { kind: 'again', afterMs: EVERY_MS };
    }
    return { kind: 'again', afterMs: 0 };
  }
}
