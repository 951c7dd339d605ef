import { Injectable } from '@nestjs/common';
import { Commands, UNCHANGED, type Decided } from '../../commands/commands';
import { DomainError } from '../../common/problem/domain-error';
import type { RequestContext } from '../../common/request-context';
import { AppConfig } from '../../config/app-config';
import { together } from '../../database/together';
import type { Tx } from '../../database/transaction';
import { isCapacityTaken } from '../../nodes/nodes.repository';
import { shortfall } from '../../scheduling/explain';
import { DeploymentsRepository, type LockedDeployment } from '../deployments.repository';
import { wantsReplicas, type DeploymentStatus } from '../domain/deployment-status';
import { replicaFaults } from '../domain/limits';
import { PlacementService } from '../placement/placement.service';
import { OF_REPLICAS, Quota } from '../quota';
import { QuotaRoom } from '../quota-room';
import { requireMatch } from '../etag';
import { deploymentNotFound } from '../refusals';
import { ReplicaEnding } from './replica-ending';
import { ReplicasRepository, type Census } from '../replicas.repository';
import { VolumeUsesRepository } from '../volumes/volume-uses.repository';

export interface Scaled {
  readonly id: string;
  readonly status: DeploymentStatus;
  /** How many replicas were wanted before, and how many are wanted now. */
  readonly from: number;
  readonly to: number;
}

/**
 * Changes how many replicas are wanted. Scaling up places and reserves before it answers. Scaling down ends the replicas that
 * serve least: those on nodes without an answer first, then those that do not run yet, then the oldest. Replicas that have ended
 * well count as if they ran, and are the first to leave.
 */
@Injectable()
export class ScaleService {
  constructor(
    private readonly config: AppConfig,
    private readonly commands: Commands,
    private readonly deployments: DeploymentsRepository,
    private readonly replicas: ReplicasRepository,
    private readonly ending: ReplicaEnding,
    private readonly placements: PlacementService,
    private readonly quota: Quota,
    private readonly quotas: QuotaRoom,
    private readonly volumes: VolumeUsesRepository,
  ) {}

  /**
   * Throws `not_found`, `invalid_state`, `precondition_failed`, `quota_exceeded`, and `insufficient_nodes` when not all of the new
   * replicas fit; then nothing changes.
   */
  async scale(id: string, target: number, context: RequestContext): Promise<Scaled> {
    const errors = replicaFaults(this.config, target);
    if (errors.length > 0) throw new DomainError('validation_failed', 'The number of replicas exceeds the configured limit', { errors });
    return this.commands.run(
      context,
      async (tx, attempt) => {
        const deployment = requireScalable(await this.deployments.lock(tx, id, context.actor), id);
        requireMatch(context, deployment.version);
        const work = (): Promise<Decided<Scaled>> => this.scaleIn(tx, deployment, target, { context, attempt });
        if (target <= deployment.targetReplicas) return work();
        return this.quota.growing(tx, { deployment, asker: context.actor, asked: OF_REPLICAS }, work);
      },
      { retryOn: isCapacityTaken },
    );
  }

  /**
   * The same in the caller's transaction, which has locked the deployment, found that it may be scaled, and asks the quota. May throw
   * what `isCapacityTaken` recognises.
   */
  async scaleIn(
    tx: Tx,
    deployment: LockedDeployment,
    target: number,
    { context, attempt }: { context: RequestContext; attempt: number },
  ): Promise<Decided<Scaled>> {
    const [census, writes] = await together([
      wantsReplicas(deployment.status) ? this.replicas.census(tx, deployment) : Promise.resolve(null),
      this.volumes.writes(tx, deployment.id),
    ]);
    const isRollingOut = deployment.openRollout !== null;
    const current = census && !isRollingOut ? standing(census, deployment.targetReplicas) : deployment.targetReplicas;
    const outcome: Scaled = { id: deployment.id, status: deployment.status, from: current, to: target };
    if (target === current && target === deployment.targetReplicas) return { outcome, audit: UNCHANGED };
    if (target > current) requireOneWriter(writes, target);
    if (census) {
      const more = { count: target - current, attempt, mayHaveVolumes: writes !== null };
      if (target > current && (await this.hasRoom(tx, deployment, target, more))) await this.placeMore(tx, deployment, census, more);
      if (!isRollingOut) await this.endRest(tx, deployment, census, target);
    }
    await this.deployments.changeStatus(tx, deployment, {
      to: deployment.status,
      reason: reasonOf(outcome),
      changedBy: context.actor.userId,
      requestId: context.requestId,
      targetReplicas: target,
    });
    const [before, after] = [{ replicas: deployment.targetReplicas }, { replicas: target }];
    return {
      outcome,
      audit: { action: 'deployment.scale', resourceType: 'deployment', resourceId: deployment.id, before, after },
      jobs: [{ kind: 'deployment.reconcile', key: deployment.id }],
    };
  }

  /**
   * Throws `validation_failed` for more than one replica of what runs, or is rolled out, and writes to a volume; also when the same change
   * takes its volumes away: until that is rolled out, the writer runs.
   */
  async requireOneWriter(tx: Tx, id: string, target: number): Promise<void> {
    requireOneWriter(await this.volumes.writes(tx, id), target);
  }

  /** During a rollout the reconciler ends replicas instead, as the rollout's policy says. */
  private async endRest(tx: Tx, { id }: LockedDeployment, census: Census, target: number): Promise<void> {
    if (census.live + census.completed > target) {
      await this.ending.end(tx, id, { reason: 'Scaled down', limit: Math.max(0, census.live - target) });
    }
    // Now the live replicas are exactly the wanted ones, so no failed replica waits for a successor any more.
    await this.replicas.supersede(tx, census.failedIds);
  }

  /**
   * Nobody asks a quota for replicas that were wanted before. Where their predecessors are not gone yet and leave no room in it, the
   * reconciler places them later.
   */
  private async hasRoom(tx: Tx, deployment: LockedDeployment, target: number, { count }: { readonly count: number }): Promise<boolean> {
    if (target > deployment.targetReplicas) return true;
    return this.quotas.hasRoom(tx, deployment, { count, resources: deployment.resources });
  }

  private async placeMore(
    tx: Tx,
    deployment: LockedDeployment,
    census: Census,
    { attempt, ...more }: { readonly count: number; readonly attempt: number; readonly mayHaveVolumes: boolean },
  ): Promise<void> {
    const { generation, revision, currentRollout: rollout } = deployment;
    const order = { ...more, cause: 'scale', generation, revision, rollout, own: census.liveByNode } as const;
    const placement = await this.placements.place(tx, deployment, order, attempt);
    if (placement.shortfall === null) return;
    // Clients compare this sentence, so what was short is told beside it and not in it.
    const { sentence, shortages } = shortfall('Insufficient nodes for scale-up', placement);
    throw new DomainError('insufficient_nodes', sentence, { members: { shortages } });
  }
}

/**
 * How many replicas there are, in the words of an answer: the wanted ones less those that have failed. The reconciler adds and ends
 * others by itself, such as those of a change that was current at once or of a rollout that is just over, so there may be more or fewer
 * for a moment, which is no news of anybody's scaling.
 */
function standing({ live, completed, failedIds }: Census, wanted: number): number {
  return Math.max(Math.min(live + completed, wanted), wanted - failedIds.length);
}

/** A volume has one writer. */
function requireOneWriter(writes: boolean | null, target: number): void {
  if (!writes || target <= 1) return;
  const detail = 'must be 1 for a deployment that writes to a volume';
  throw new DomainError('validation_failed', `replicas ${detail}.`, { errors: [{ pointer: '/replicas', detail }] });
}

function reasonOf({ from, to }: Scaled): string {
  if (to > from) return `Scaled up from ${from} to ${to} replicas (${to - from} added)`;
  if (to < from) return `Scaled down from ${from} to ${to} replicas (${from - to} removed)`;
  return `Target set to ${to} replicas`;
}

/** Throws `not_found`, or `invalid_state` for a status in which nothing can be scaled. */
export function requireScalable(deployment: LockedDeployment | null, id: string): LockedDeployment {
  if (!deployment) throw deploymentNotFound(id);
  if (deployment.status === 'failed' || deployment.status === 'deleted') {
    throw new DomainError('invalid_state', `Cannot scale deployment in ${deployment.status} state`);
  }
  return deployment;
}
