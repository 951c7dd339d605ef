import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { afterCommit, inTransaction, type Tx } from '../database/transaction';
import { DeploymentMetrics } from '../deployments/deployment-metrics';
import { DeploymentsRepository } from '../deployments/deployments.repository';
import { ReplicasRepository } from '../deployments/replicas.repository';
import { Events } from '../events/events';
import type { ClaimedJob } from '../jobs/job-kinds';
import type { StopFailure } from './plan.types';
import type { Snapshot } from './snapshot.repository';

/** That many attempts take about eight seconds, so a short disturbance is over by then. */
const STUCK_AFTER_ATTEMPTS = 5;

/**
 * Records on stopping replicas that their engine does not end them: how many attempts there were, why they failed, and when the
 * next one is due.
 */
@Injectable()
export class StopFailures {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly deployments: DeploymentsRepository,
    private readonly replicas: ReplicasRepository,
    private readonly events: Events,
    private readonly metrics: DeploymentMetrics,
  ) {}

  /** Writes nothing when the deployment has changed since the snapshot, and skips replicas that are not stopping. */
  async note(job: ClaimedJob, snapshot: Snapshot, failures: readonly StopFailure[], retryAfterMs: number): Promise<void> {
    const stopping = new Set(snapshot.replicas.filter(({ status }) => status === 'stopping').map(({ id }) => id));
    const last = new Map(failures.filter(({ replicaId }) => stopping.has(replicaId)).map((failure) => [failure.replicaId, failure]));
    if (last.size === 0) return;
    await inTransaction(this.dataSource, async (tx) => {
      if (!(await this.deployments.lockAtVersion(tx, snapshot.id, snapshot.version, job))) return;
      const attempts = await this.replicas.noteStopFailures(tx, [...last.values()], retryAfterMs);
      if (!attempts) return;
      const isStuckNow = snapshot.deletion !== null && attempts.before < STUCK_AFTER_ATTEMPTS && attempts.now >= STUCK_AFTER_ATTEMPTS;
      if (isStuckNow) await this.tell(tx, snapshot, [...last.values()]);
      afterCommit(tx, () => {
        if (snapshot.deletion) this.metrics.countDeletion('retried', last.size);
        if (isStuckNow) this.metrics.countDeletion('stuck');
      });
    });
  }

  private tell(tx: Tx, { id, deletion }: Snapshot, failures: readonly StopFailure[]): Promise<void> {
    const reasons = [...new Set(failures.map(({ words }) => words))];
    return this.events.record(tx, [
      { type: 'fog.deployment.teardown_stuck', deploymentId: id, data: { generation: deletion?.generation, reasons } },
    ]);
  }
}
