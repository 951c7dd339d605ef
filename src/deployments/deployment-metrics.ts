import { Injectable } from '@nestjs/common';
import type { Counter, Histogram } from 'prom-client';
import { Metrics } from '../metrics/metrics';

/**
 * `retried`: an engine was asked to stop a replica and did not. `stuck`: that happened several times in a row to one deletion.
 */
export type DeletionEvent = 'forced' | 'retried' | 'stuck' | 'restored';

/**
 * How a rollout went on. `completed`: also at once, where nothing ran. `paused`, `failed`, `rolled_back`: by itself. `aborted`: somebody
 * let it go back. `superseded`: by another change or by a stop.
 */
export type RolloutResult = 'completed' | 'paused' | 'failed' | 'rolled_back' | 'aborted' | 'superseded';

/** Measures the steps that users wait for. A deletion is measured in two parts, its decision and its teardown. */
@Injectable()
export class DeploymentMetrics {
  private readonly decision: Histogram;
  private readonly teardown: Histogram;
  private readonly teardownStep: Histogram<'step'>;
  private readonly deletions: Counter<'event'>;
  private readonly rollouts: Counter<'result'>;
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
    this.teardownStep = metrics.histogram({
      name: 'fog_teardown_step_seconds',
      help: 'Steps of ending containers: stop, confirm, release; total: a whole deletion.',
      labels: ['step'],
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600],
    });
    this.deletions = metrics.counter({
      name: 'fog_deletion_events_total',
      help: 'What happened to deletions beside the usual: forced, retried, stuck, restored.',
      labels: ['event'],
    });
    this.rollouts = metrics.counter({
      name: 'fog_rollouts_total',
      help: 'How rollouts went on: completed; paused, failed, rolled_back by themselves; aborted; superseded by a change or a stop.',
      labels: ['result'],
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

  /** The seconds from the decision, or from the end of the warm time, by the database's clock. */
  tornDown(seconds: number): void {
    this.teardown.observe(seconds);
    this.teardownStep.observe({ step: 'total' }, seconds);
  }

  /** Measures one call to an engine to stop a container, until the engine has confirmed it. Failures are not measured. */
  async timeStop(work: () => Promise<void>): Promise<void> {
    const end = this.teardownStep.startTimer({ step: 'stop' });
    await work();
    end();
  }

  /** `confirm`: from the decision to stop a replica until its engine shows that it is gone. `release`: recording that. */
  timeStep(step: 'confirm' | 'release', seconds: number): void {
    this.teardownStep.observe({ step }, seconds);
  }

  countDeletion(event: DeletionEvent, by = 1): void {
    this.deletions.inc({ event }, by);
  }

  countRollout(result: RolloutResult, by = 1): void {
    this.rollouts.inc({ result }, by);
  }

  async timePlacement<T extends { readonly shortfall: string | null }>(cause: string, work: () => Promise<T>): Promise<T> {
    const end = this.placement.startTimer();
    const result = await work();
    end({ cause, outcome: result.shortfall === null ? 'placed' : 'insufficient' });
    return result;
  }
}
