import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { together } from '../database/together';
import { afterCommit, inTransaction, type Tx } from '../database/transaction';
import { DeploymentsRepository, type LockedDeployment } from '../deployments/deployments.repository';
import type { DeploymentStatus } from '../deployments/domain/deployment-status';
import { PlacementService, type PlacementOrder } from '../deployments/placement/placement.service';
import type { LimitedHolder } from '../deployments/limited-holders';
import { QuotaRoom } from '../deployments/quota-room';
import { KeptLogsRepository } from '../deployments/kept-logs.repository';
import { MovesTogetherRepository } from '../deployments/moves-together.repository';
import { ReplicasRepository } from '../deployments/replicas.repository';
import { RolloutsRepository } from '../deployments/rollouts.repository';
import { TEARDOWN_TOPIC } from '../deletions/teardown-watch';
import type { ContainerSpec } from '../engines/container-spec';
import type { ClaimedJob } from '../jobs/job-kinds';
import { PubSub } from '../database/pub-sub';
import { isCapacityTaken, NodesRepository } from '../nodes/nodes.repository';
import { shortfallText } from '../scheduling/explain';
import { mayHoldMore } from './holds-more';
import type { PlanWithLogs } from './last-lines';
import { RouteBackendsRepository } from '../routing/route-backends.repository';
import type { PlannedPlacement, RolloutStep } from './plan.types';
import { rolloutNews } from './rollout-news';
import { routingAfter } from './routing';
import { specOf, type Snapshot } from './snapshot.repository';
import { endsTeardown, TeardownCompletion } from './teardown-completion';

export interface Recorded {
  /** True when nothing was written because the deployment has changed since the snapshot, or another worker has the job. */
  readonly stale: boolean;
  /** True when anything was written. */
  readonly wrote: boolean;
  /** Why wanted replicas found no place and are tried again, in words; null when all did. */
  readonly shortfall: string | null;
}

/**
 * A planned placement with the resources of a replica and, where they are known, the replicas that the deployment already has
 * and the fleet from `prepare`.
 */
type PreparedPlacement = PlannedPlacement &
  Pick<PlacementOrder, 'own' | 'fleet' | 'patient' | 'mayHaveVolumes'> &
  Pick<ContainerSpec, 'resources'>;

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
    private readonly keptLogs: KeptLogsRepository,
    private readonly nodes: NodesRepository,
    private readonly rollouts: RolloutsRepository,
    private readonly placements: PlacementService,
    private readonly quotas: QuotaRoom,
    private readonly completion: TeardownCompletion,
    private readonly pubSub: PubSub,
    private readonly backends: RouteBackendsRepository,
    private readonly together: MovesTogetherRepository,
  ) {}

  async record(snapshot: Snapshot, plan: PlanWithLogs, job: ClaimedJob): Promise<Recorded> {
    const routing = routingAfter(snapshot, plan);
    const writes =
      (routing ? 1 : 0) +
      plan.moves.length +
      plan.refresh.length +
      plan.notes.length +
      plan.release.length +
      plan.supersede.length +
      plan.suspended.length;
    const ends = endsTeardown(snapshot, plan);
    if (writes === 0 && !plan.place && !plan.deployment && !plan.rollout && !ends) return NOTHING;
    if (!routing && !ends && writes === plan.moves.length && onlyMoves(plan)) {
      const { moves, deployment: change } = plan;
      if (await this.together.record({ deployment: snapshot, job, moves, change })) return { ...NOTHING, wrote: true };
    }
    const begun = performance.now();
    const recorded = await inTransaction(
      this.dataSource,
      async (tx, attempt) => {
        const deployment = await this.deployments.lockAtVersion(tx, snapshot.id, snapshot.version, job);
        if (!deployment) return { ...NOTHING, stale: true };
        const place = plan.place && prepared(snapshot, plan.place);
        const limited = mayHoldMore({ ...snapshot, deployment: snapshot }, plan) ? await this.quotas.hold(tx, deployment) : [];
        const fleet = place ? await this.placements.prepare(tx, deployment, place, attempt) : undefined;
        await together([
          this.replicas.move(tx, plan.moves),
          this.replicas.refresh(tx, plan.refresh),
          this.replicas.noteReasons(tx, plan.notes),
          this.keptLogs.keep(tx, snapshot.id, plan.logs),
          this.nodes.release(tx, plan.release),
          this.replicas.suspend(tx, plan.suspended),
          this.replicas.supersede(tx, plan.supersede),
          routing ? this.backends.record(tx, snapshot.id, routing) : Promise.resolve(),
          ends ? this.completion.complete(tx, snapshot.id) : Promise.resolve(),
        ]);
        const placed = place ? await this.placeWithin(tx, deployment, { ...place, fleet, limited }, attempt) : NOTHING;
        if (place) await this.noteShortfall(tx, snapshot, place, placed.shortfall);
        if (plan.rollout) await this.moveRollout(tx, snapshot, plan.rollout);
        if (plan.deployment) await this.changeStatus(tx, deployment, plan.deployment.to, plan.deployment.reason);
        if (plan.release.length + plan.suspended.length > 0) afterCommit(tx, () => this.pubSub.publish(TEARDOWN_TOPIC, snapshot.id));
        return { ...placed, wrote: placed.wrote || writes > 0 || plan.deployment !== null || plan.rollout !== null };
      },
      { retryOn: isCapacityTaken },
    );
    if (!recorded.stale) this.completion.observe(snapshot, plan, (performance.now() - begun) / 1000);
    return recorded;
  }

  /** Places as many replicas as quotas allow, or none of a pending deployment when not all. The others wait for room. */
  private async placeWithin(
    tx: Tx,
    deployment: LockedDeployment,
    { limited, ...planned }: PreparedPlacement & { readonly limited: readonly LimitedHolder[] },
    attempt: number,
  ): Promise<Recorded> {
    const { count, words } = await this.quotas.fitting(tx, deployment, planned, limited);
    if (words === null) return this.place(tx, deployment, planned, attempt);
    if (count === 0 || deployment.status === 'pending') return { ...NOTHING, shortfall: words };
    const placed = await this.place(tx, deployment, { ...planned, count, replaces: planned.replaces.slice(0, count) }, attempt);
    return { ...placed, shortfall: placed.shortfall ?? words };
  }

  /**
   * Places replicas. A pending deployment becomes `scheduled` or `failed`, or waits for what passes by itself; replacements
   * that find no place are tried again later.
   */
  private async place(
    tx: Tx,
    deployment: LockedDeployment,
    { resources, ...planned }: PreparedPlacement,
    attempt: number,
  ): Promise<Recorded> {
    const attempts = planned.replaces.map((replaced) => replaced.attempt);
    const needs = { ...deployment, resources };
    const order = { ...planned, generation: deployment.generation, attempts };
    const placement = await this.placements.place(tx, needs, order, attempt);
    if (placement.waits) return { ...NOTHING, shortfall: `Waits for room: ${placement.shortfall ?? 'there is none'}` };
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
    const shortfall = placement.shortfall === null ? null : shortfallText(shortWords(planned.cause), placement);
    return { ...NOTHING, wrote: placed > 0, shortfall };
  }

  /** What a rollout says of missing room holds until its next replicas are placed. */
  private async noteShortfall(tx: Tx, { id, rollout }: Snapshot, planned: PlannedPlacement, shortfall: string | null): Promise<void> {
    if (planned.rollout !== rollout?.number || shortfall === rollout.reason) return;
    await this.rollouts.noteWait(tx, id, shortfall);
  }

  private async moveRollout(tx: Tx, { id, rollout, revision, policy }: Snapshot, step: RolloutStep): Promise<void> {
    if (!rollout) return;
    if (step.kind === 'progress') return this.rollouts.noteProgress(tx, id, step.healthyReplicas, policy.progressDeadlineSeconds);
    if (step.kind === 'waits') return this.rollouts.noteWait(tx, id, step.words);
    if (step.kind === 'finished') {
      return this.rollouts.change(tx, id, { state: rollout.state, reason: rollout.reason, finished: true, told: null });
    }
    const finished = step.state === 'completed';
    await this.rollouts.change(tx, id, {
      state: step.state,
      reason: finished ? null : step.why,
      finished,
      makeCurrent: finished,
      told: { ...rolloutNews(step, { rollout, revision }), changedBy: null, requestId: null },
      counted: step.state,
    });
  }

  private async changeStatus(tx: Tx, deployment: LockedDeployment, to: DeploymentStatus, reason: string): Promise<void> {
    await this.deployments.changeStatus(tx, deployment, { to, reason, changedBy: null, requestId: null });
  }
}

/** What starts are made of: it needs no transaction to itself. */
const onlyMoves = ({ place, rollout, logs, release, suspended }: PlanWithLogs): boolean =>
  place === null && rollout === null && logs.length + release.length + suspended.length === 0;

const shortWords = (cause: PlannedPlacement['cause']): string =>
  cause === 'rollout' ? 'Insufficient nodes for new replicas' : 'Insufficient nodes for replacements';

/** A deployment without replicas has none to count per node, which saves a query. */
const prepared = (snapshot: Snapshot, planned: PlannedPlacement): PreparedPlacement => {
  const { resources, volumes } = specOf(snapshot, planned.revision);
  return {
    ...planned,
    patient: snapshot.patient && snapshot.status === 'pending',
    mayHaveVolumes: volumes !== undefined,
    resources,
    own: snapshot.replicas.length === 0 ? new Map<string, number>() : undefined,
  };
};
