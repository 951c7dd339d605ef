import { Injectable } from '@nestjs/common';
import type { Tx } from '../database/transaction';
import { NodesRepository } from '../nodes/nodes.repository';
import { place } from '../scheduling/place';
import type { Placement } from '../scheduling/place.types';
import { DeploymentMetrics } from './deployment-metrics';
import type { LockedDeployment } from './deployments.repository';
import { ReplicasRepository } from './replicas.repository';

export type PlacementCause = 'deploy' | 'scale' | 'replace' | 'drain';

export interface PlacementOrder {
  readonly count: number;
  readonly cause: PlacementCause;
  readonly generation: number;
  /** The attempt number of each new replica, for those that replace a failed one; 0 for the others. */
  readonly attempts?: readonly number[];
}

/** What placement has to know of a deployment. */
export type PlacementNeeds = Pick<LockedDeployment, 'region' | 'placementStrategy' | 'resources'>;

/** Finds nodes for replicas and takes their capacity, in the caller's transaction. */
@Injectable()
export class PlacementService {
  constructor(
    private readonly nodes: NodesRepository,
    private readonly replicas: ReplicasRepository,
    private readonly metrics: DeploymentMetrics,
  ) {}

  /** What placement would say now. Writes nothing. */
  async preview(tx: Tx, wanted: PlacementNeeds, count: number): Promise<Placement> {
    return this.choose(tx, wanted, count, { lock: false });
  }

  /**
   * Places all `count` replicas, or none: then no replica was written and the placement says why. Only of replacements as
   * many as fit are placed: `nodeIds` tells how many that were.
   * The first attempt reads the nodes without locks; when the database refuses it because others took the capacity
   * meanwhile (`isCapacityTaken`), the caller's transaction runs again and `attempt` > 1 locks the nodes first.
   */
  place(tx: Tx, deployment: LockedDeployment, order: PlacementOrder, attempt: number): Promise<Placement> {
    return this.metrics.timePlacement(order.cause, () => this.choosePlaces(tx, deployment, order, attempt));
  }

  private async choosePlaces(tx: Tx, deployment: LockedDeployment, order: PlacementOrder, attempt: number): Promise<Placement> {
    const placement = await this.choose(tx, deployment, order.count, { lock: attempt > 1 });
    const takesLess = order.cause === 'replace' || order.cause === 'drain';
    const nodeIds = placement.shortfall === null || takesLess ? placement.nodeIds : [];
    // Kept also when a deployment fails for it. A replacement without a place is tried again and again and keeps none.
    if (nodeIds.length === 0 && order.cause !== 'deploy') return placement;
    const placementId = await this.keep(tx, deployment.id, order.cause, placement);
    if (nodeIds.length === 0) return placement;
    const wanted = nodeIds.map((nodeId, index) => ({ nodeId, attempt: order.attempts?.[index] ?? 0 }));
    const replicaIds = await this.replicas.insert(tx, { deploymentId: deployment.id, generation: order.generation, placementId }, wanted);
    await this.nodes.reserve(tx, { deploymentId: deployment.id, replicaIds, perReplica: deployment.resources });
    return placement;
  }

  private async keep(tx: Tx, deploymentId: string, cause: PlacementCause, { explanation }: Placement): Promise<string> {
    const [row] = await tx.query<{ id: string }[]>(
      `INSERT INTO placements (deployment_id, cause, explanation) VALUES ($1, $2, $3) RETURNING id`,
      [deploymentId, cause, JSON.stringify(explanation)],
    );
    if (!row) throw new Error('The placement was not recorded');
    return row.id;
  }

  private async choose(
    tx: Tx,
    deployment: PlacementNeeds & { id?: string },
    count: number,
    options: { lock: boolean },
  ): Promise<Placement> {
    const own = deployment.id === undefined ? new Map<string, number>() : await this.replicas.liveByNode(tx, deployment.id);
    const nodes = await this.nodes.candidates(tx, options);
    return place(
      { replicas: count, perReplica: deployment.resources, region: deployment.region, strategy: deployment.placementStrategy },
      nodes.map((node) => ({ ...node, ownReplicas: own.get(node.id) ?? 0 })),
    );
  }
}
