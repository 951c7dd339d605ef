import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { afterCommit, inTransaction, type Tx } from '../database/transaction';
import { DeploymentsRepository, type LockedDeployment } from '../deployments/deployments.repository';
import type { DeploymentStatus } from '../deployments/domain/deployment-status';
import { PlacementService, type PlacementOrder } from '../deployments/placement/placement.service';
import { ReplicasRepository } from '../deployments/replicas.repository';
import { TEARDOWN_TOPIC } from '../deletions/teardown-watch';
import type { ContainerSpec } from '../engines/container-spec';
import type { ClaimedJob } from '../jobs/job-kinds';
import { PubSub } from '../database/pub-sub';
import { isCapacityTaken, NodesRepository } from '../nodes/nodes.repository';
import { shortfallText } from '../scheduling/explain';
import type { PlannedPlacement, Plan } from './plan.types';
import { specOf, type Snapshot } from './snapshot.repository';
import { endsTeardown, TeardownCompletion } from './teardown-completion';

export interface Recorded {
  /** True when nothing was written because the deployment has changed since the snapshot, or another worker has the job. */
  readonly stale: boolean;
  /** True when anything was written. */
  readonly wrote: boolean;
  /** Why some of the wanted replacements found no place, in words; null when all did. */
  readonly shortfall: string | null;
}

/**
 * A planned placement with the resources of a replica and, where they are known, the replicas that the deployment already has
 * and the fleet from `prepare`.
 */
type PreparedPlacement = PlannedPlacement & Pick<PlacementOrder, 'own' | 'fleet'> & Pick<ContainerSpec, 'resources'>;

const NOTHING: Recorded = { stale: false, wrote: false, shortfall: null };

/**
 * Records a plan in one transaction under the deployment's lock: all of it or nothing, and only if the deployment has not
 * changed since the snapshot.
 */
@Injectable()
export class Recorder {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly deployments: DeploymentsRepository,
    private readonly replicas: ReplicasRepository,
    private readonly nodes: NodesRepository,
    private readonly placements: PlacementService,
    private readonly completion: TeardownCompletion,
    private readonly pubSub: PubSub,
  ) {}

  async record(snapshot: Snapshot, plan: Plan, job: ClaimedJob): Promise<Recorded> {
    const writes = plan.moves.length + plan.release.length + plan.supersede.length + plan.suspended.length;
    const ends = endsTeardown(snapshot, plan);
    if (writes === 0 && !plan.place && !plan.deployment && !ends) return NOTHING;
    const begun = performance.now();
    const recorded = await inTransaction(
      this.dataSource,
      async (tx, attempt) => {
        const deployment = await this.deployments.lockAtVersion(tx, snapshot.id, snapshot.version, job);
        if (!deployment) return { ...NOTHING, stale: true };
        const fleet = plan.place ? await this.placements.prepare(tx, attempt) : undefined;
        await this.replicas.move(tx, plan.moves);
        if (plan.release.length > 0) await this.nodes.release(tx, plan.release);
        await this.replicas.suspend(tx, plan.suspended);
        await this.replicas.supersede(tx, plan.supersede);
        if (ends) await this.completion.complete(tx, snapshot.id);
        const placed = plan.place ? await this.place(tx, deployment, { ...prepared(snapshot, plan.place), fleet }, attempt) : NOTHING;
        if (plan.deployment) await this.changeStatus(tx, deployment, plan.deployment.to, plan.deployment.reason);
        if (plan.release.length + plan.suspended.length > 0) afterCommit(tx, () => this.pubSub.publish(TEARDOWN_TOPIC, snapshot.id));
        return { ...placed, wrote: placed.wrote || writes > 0 || plan.deployment !== null };
      },
      { retryOn: isCapacityTaken },
    );
    if (!recorded.stale) this.completion.observe(snapshot, plan, (performance.now() - begun) / 1000);
    return recorded;
  }

  /**
   * Places replicas. A pending deployment becomes `scheduled` or `failed`; replacements that find no place are tried again
   * later.
   */
  private async place(
    tx: Tx,
    deployment: LockedDeployment,
    { resources, ...planned }: PreparedPlacement,
    attempt: number,
  ): Promise<Recorded> {
    const attempts = planned.replaces.map((replaced) => replaced.attempt);
    const needs = { ...deployment, resources };
    const placement = await this.placements.place(tx, needs, { ...planned, generation: deployment.generation, attempts }, attempt);
    if (deployment.status === 'pending') {
      const [to, reason] =
        placement.shortfall === null
          ? (['scheduled', `Scheduled ${planned.count} replicas across nodes`] as const)
          : (['failed', placement.shortfall] as const);
      await this.changeStatus(tx, deployment, to, reason);
      return { ...NOTHING, wrote: true };
    }
    const placed = placement.nodeIds.length;
    await this.replicas.supersede(
      tx,
      planned.replaces.slice(0, placed).map((replaced) => replaced.id),
    );
    const shortfall = placement.shortfall === null ? null : shortfallText('Insufficient nodes for replacements', placement);
    return { ...NOTHING, wrote: placed > 0, shortfall };
  }

  private async changeStatus(tx: Tx, deployment: LockedDeployment, to: DeploymentStatus, reason: string): Promise<void> {
    await this.deployments.changeStatus(tx, deployment, { to, reason, changedBy: null, requestId: null });
  }
}

/** A deployment without replicas has none to count per node, which saves a query. */
const prepared = (snapshot: Snapshot, planned: PlannedPlacement): PreparedPlacement => ({
  ...planned,
  resources: specOf(snapshot, planned.revision).resources,
  own: snapshot.replicas.length === 0 ? new Map<string, number>() : undefined,
});
