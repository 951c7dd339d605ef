import { Injectable } from '@nestjs/common';
import type { Counter } from 'prom-client';
import { AppConfig } from '../config/app-config';
import { Metrics } from '../metrics/metrics';
import { allowedNow } from './purge-brake';
import { PurgeRepository } from './purge.repository';

/** Metrics of the purge: what was purged, what is due, and why due deployments wait. */
@Injectable()
export class PurgeMetrics {
  private readonly purged: Counter<'by'>;

  constructor(metrics: Metrics, repository: PurgeRepository, config: AppConfig) {
    this.purged = metrics.counter({
      name: 'fog_purged_total',
      help: 'Deployments removed for good, by the background or an administrator.',
      labels: ['by'],
    });
    metrics.gauges({
      source: 'purge',
      gauges: [
        { name: 'fog_purge_due', help: 'Deleted deployments whose retention is over.' },
        { name: 'fog_purge_blocked', help: 'Those of them that cannot be purged now, by reason.', labels: ['reason'] },
      ],
      read: async () => {
        const { due, legalHold, teardownOpen, purgeable, purgedLastHour } = await repository.countDue();
        const braked = Math.max(0, purgeable - allowedNow(config.PURGE_MAX_PER_HOUR, purgedLastHour));
        return {
          fog_purge_due: [{ value: due }],
          fog_purge_blocked: [
            { labels: { reason: 'legal_hold' }, value: legalHold },
            { labels: { reason: 'teardown_open' }, value: teardownOpen },
            { labels: { reason: 'brake' }, value: braked },
          ],
        };
      },
    });
  }

  count(by: 'background' | 'administrator', deployments: number): void {
    this.purged.inc({ by }, deployments);
  }
}
