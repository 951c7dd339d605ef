import { Injectable } from '@nestjs/common';
import type { Counter } from 'prom-client';
import { Metrics } from '../metrics/metrics';

/** What the links of this process cost. */
@Injectable()
export class AgentMetrics {
  private readonly reports: Counter;
  private readonly traffic: Counter<'direction'>;
  private readonly refusals: Counter<'code'>;

  constructor(private readonly metrics: Metrics) {
    this.reports = metrics.counter({ name: 'fog_agent_reports_total', help: 'Reports of agents that were written down.' });
    this.traffic = metrics.counter({
      name: 'fog_agent_message_bytes_total',
      help: 'Bytes of the messages to (`out`) and from (`in`) agents.',
      labels: ['direction'],
    });
    this.refusals = metrics.counter({ name: 'fog_agent_refusals_total', help: 'Agents that were refused a link.', labels: ['code'] });
  }

  /** Shows how many links there are whenever the metrics are read. */
  links(count: () => number): void {
    this.metrics.gauges({
      source: 'agent links',
      gauges: [{ name: 'fog_agent_links', help: 'Links of agents that this process holds.' }],
      read: () => ({ fog_agent_links: [{ value: count() }] }),
    });
  }

  report(): void {
    this.reports.inc();
  }

  bytes(direction: 'in' | 'out', count: number): void {
    this.traffic.inc({ direction }, count);
  }

  refused(code: string): void {
    this.refusals.inc({ code });
  }
}
