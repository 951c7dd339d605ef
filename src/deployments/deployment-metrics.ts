import { Injectable } from '@nestjs/common';
import type { Histogram } from 'prom-client';
import { Metrics } from '../metrics/metrics';

/** How long the steps take that users wait for. A deletion is timed in its two parts: decided, and torn down. */
@Injectable()
export class DeploymentMetrics {
  private readonly decision: Histogram;
  private readonly teardown: Histogram;
  private readonly placement: Histogram<'cause' | 'outcome'>;

  constructor(metrics: Metrics) {
    this.decision = metrics.histogram({
      name: 'fog_deletion_decision_seconds',
      help: 'From the arrival of a delete at its service to the commit that decides it.',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 5],
    });
    this.teardown = metrics.histogram({
      name: 'fog_deletion_teardown_seconds',
      help: 'From the decision of a delete until the last container is confirmed gone and its capacity released.',
      buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 300, 3_600],
    });
    this.placement = metrics.histogram({
      name: 'fog_placement_seconds',
      help: 'Choosing nodes for replicas and reserving their capacity.',
      labels: ['cause', 'outcome'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
    });
  }

  async timeDecision<T>(work: () => Promise<T>): Promise<T> {
    const end = this.decision.startTimer();
    const result = await work();
    end();
    return result;
  }

  /** `deletedAt` and `now` by the database's clock. */
  tornDown(deletedAt: Date, now: Date): void {
    this.teardown.observe((now.getTime() - deletedAt.getTime()) / 1000);
  }

  async timePlacement<T extends { readonly shortfall: string | null }>(cause: string, work: () => Promise<T>): Promise<T> {
    const end = this.placement.startTimer();
    const result = await work();
    end({ cause, outcome: result.shortfall === null ? 'placed' : 'insufficient' });
    return result;
  }
}
