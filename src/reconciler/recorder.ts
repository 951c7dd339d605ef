import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { afterCommit, inTransaction, type Tx } from '../database/transaction';
import { DeploymentMetrics } from '../deployments/deployment-metrics';
import { DeploymentsRepository, type LockedDeployment } from '../deployments/deployments.repository';
import type { DeploymentStatus } from '../deployments/domain/deployment-status';
import { PlacementService } from '../deployments/placement.service';
import { ReplicasRepository } from '../deployments/replicas.repository';
import { TEARDOWN_CHANNEL } from '../deployments/teardown-watch';
import type { ClaimedJob } from '../jobs/job-kinds';
import { Notifications } from '../jobs/notifications';
import { isCapacityTaken, NodesRepository } from '../nodes/nodes.repository';
import { shortfallText } from '../scheduling/explain';
import type { PlacementWish, Plan } from './plan.types';
import type { Snapshot } from './snapshot.repository';

export interface Recorded {
  /** True: the deployment has changed since the snapshot, or the job is no longer ours; nothing was written. */
  readonly stale: boolean;
  /** Anything was written. */
  readonly wrote: boolean;
  /** In words, why not all wanted replacements have a place now. */
  readonly shortfall: string | null;
}

const NOTHING: Recorded = { stale: false, wrote: false, shortfall: null };

/** Writes a plan down: one transaction under the deployment's lock, all or nothing, and only if the snapshot still holds. */
@Injectable()
export class Recorder {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly deployments: DeploymentsRepository,
    private readonly replicas: ReplicasRepository,
    private readonly nodes: NodesRepository,
    private readonly placements: PlacementService,
    private readonly metrics: DeploymentMetrics,
    private readonly notifications: Notifications,
  ) {}

  async record(snapshot: Snapshot, plan: Plan, job: ClaimedJob): Promise<Recorded> {
    const writes = plan.moves.length + plan.release.length + plan.supersede.length;
    if (writes === 0 && !plan.place && !plan.deployment) return NOTHING;
    const recorded = await inTransaction(
      this.dataSource,
      async (tx, attempt) => {
        const deployment = await this.deployments.lockAtRevision(tx, snapshot.id, snapshot.revision, job);
        if (!deployment) return { ...NOTHING, stale: true };
        // Placement locks all nodes on a second attempt; a release before it would have taken one of them out of order.
        if (plan.place && attempt > 1) await this.nodes.candidates(tx, { lock: true });
        await this.replicas.move(tx, plan.moves);
        if (plan.release.length > 0) await this.nodes.release(tx, plan.release);
        await this.replicas.supersede(tx, plan.supersede);
        const placed = plan.place ? await this.place(tx, deployment, plan.place, attempt) : NOTHING;
        if (plan.deployment) await this.changeStatus(tx, deployment, plan.deployment.to, plan.deployment.reason);
        if (plan.release.length > 0) afterCommit(tx, () => this.notifications.tell(TEARDOWN_CHANNEL, snapshot.id));
        return { ...placed, wrote: placed.wrote || writes > 0 || plan.deployment !== null };
      },
      { retryOn: isCapacityTaken },
    );
    if (!recorded.stale && snapshot.deletedAt && endsTeardown(snapshot, plan)) this.metrics.tornDown(snapshot.deletedAt, snapshot.now);
    return recorded;
  }

  /** A pending deployment becomes `scheduled` or `failed`; a replacement that finds no place is tried again later. */
  private async place(tx: Tx, deployment: LockedDeployment, wish: PlacementWish, attempt: number): Promise<Recorded> {
    const attempts = wish.replaces.map((replaced) => replaced.attempt);
    const placement = await this.placements.place(tx, deployment, { ...wish, generation: deployment.generation, attempts }, attempt);
    if (deployment.status === 'pending') {
      const [to, reason] =
        placement.shortfall === null
          ? (['scheduled', `Scheduled ${wish.count} replicas across nodes`] as const)
          : (['failed', placement.shortfall] as const);
      await this.changeStatus(tx, deployment, to, reason);
      return { ...NOTHING, wrote: true };
    }
    const placed = placement.nodeIds.length;
    await this.replicas.supersede(
      tx,
      wish.replaces.slice(0, placed).map((replaced) => replaced.id),
    );
    const shortfall = placement.shortfall === null ? null : shortfallText('Insufficient nodes for replacements', placement);
    return { ...NOTHING, wrote: placed > 0, shortfall };
  }

  private async changeStatus(tx: Tx, deployment: LockedDeployment, to: DeploymentStatus, reason: string): Promise<void> {
    await this.deployments.changeStatus(tx, deployment, { to, reason, changedBy: null, requestId: null });
  }
}

/** The plan releases the last replicas of a deleted deployment. */
function endsTeardown(snapshot: Snapshot, plan: Plan): boolean {
  const released = new Set(plan.release);
  return released.size > 0 && snapshot.replicas.every((replica) => released.has(replica.id));
}
