import { Injectable } from '@nestjs/common';
import type { Tx } from '../../database/transaction';
import { NodesRepository } from '../../nodes/nodes.repository';
import { amountsOf, Fleet } from '../../scheduling/fleet';
import { place } from '../../scheduling/place';
import type { Placement, PlacementRequest } from '../../scheduling/place.types';
import { DeploymentMetrics } from '../deployment-metrics';
import type { LockedDeployment } from '../deployments.repository';
import { FleetView } from './fleet-view';
import { PlacementsRepository, type PlacementCause } from './placements.repository';
import { ReplicasRepository } from '../replicas.repository';

export interface PlacementOrder {
  readonly count: number;
  readonly cause: PlacementCause;
  readonly generation: number;
  /** The revision that the new replicas run; `resources` of the deployment are what it says. */
  readonly revision: number;
  /** The deployment's live replicas by node, where the caller knows them. */
  readonly own?: ReadonlyMap<string, number> | undefined;
  /** The attempt number of each new replica, for those that replace a failed one; 0 for the others. */
  readonly attempts?: readonly number[];
  /** What `prepare` has given. */
  readonly fleet?: Fleet | undefined;
}

/** What placement has to know of a deployment. */
export type PlacementNeeds = Pick<LockedDeployment, 'region' | 'placementStrategy' | 'resources'>;

/** A second attempt locks the nodes of a fleet of this size or less; of a larger one only the last attempt does. */
const LOCKED_AT_ONCE = 512;

/** Finds nodes for replicas and takes their capacity, in the caller's transaction. */
@Injectable()
export class PlacementService {
  constructor(
    private readonly nodes: NodesRepository,
    private readonly fleet: FleetView,
    private readonly replicas: ReplicasRepository,
    private readonly placements: PlacementsRepository,
    private readonly metrics: DeploymentMetrics,
  ) {}

  /** What placement would say now, from all nodes as they are. Writes nothing. */
  async preview(tx: Tx, wanted: PlacementNeeds, count: number): Promise<Placement> {
    return place(requestOf(wanted, count), await this.fleet.fresh(tx), { own: new Map(), exact: true });
  }

  /**
   * Places all `count` replicas, or none: then no replica was written and the placement says why. Only of replacements as
   * many as fit are placed: `nodeIds` tells how many that were.
   * The first attempt goes by what this process last saw of the fleet. When the database refuses it because others took the
   * capacity meanwhile, or a node went out of use (`isCapacityTaken`), the caller's transaction runs again: see `prepare`.
   */
  place(tx: Tx, deployment: LockedDeployment, order: PlacementOrder, attempt: number): Promise<Placement> {
    return this.metrics.timePlacement(order.cause, () => this.choosePlaces(tx, deployment, order, attempt));
  }

  /**
   * To be called at the beginning of a transaction that also releases, with its attempt: a later one may lock the nodes, and a
   * release before it would have taken one of them out of order. What it gives goes into the order.
   */
  async prepare(tx: Tx, attempt: number): Promise<Fleet | undefined> {
    return attempt > 1 ? this.lookAgain(tx, attempt) : undefined;
  }

  private async choosePlaces(tx: Tx, deployment: LockedDeployment, order: PlacementOrder, attempt: number): Promise<Placement> {
    const own = order.own ?? (await this.replicas.census(tx, deployment)).liveByNode;
    const request = requestOf(deployment, order.count);
    let fleet = order.fleet ?? (attempt > 1 ? await this.lookAgain(tx, attempt) : await this.fleet.current(tx));
    let placement = place(request, fleet, { own });
    // What was seen may be old, and what was prepared does not know yet what this transaction has released.
    if (placement.shortfall !== null) {
      fleet = await this.fleet.fresh(tx);
      placement = place(request, fleet, { own });
    }
    const takesLess = order.cause === 'replace' || order.cause === 'drain';
    const nodeIds = placement.shortfall === null || takesLess ? placement.nodeIds : [];
    // Kept also when a deployment fails for it. A replacement without a place is tried again and again and keeps none.
    if (nodeIds.length === 0 && order.cause !== 'deploy') return placement;
    await this.write(tx, deployment, order, { ...placement, nodeIds }, fleet);
    return placement;
  }

  /** The picture counts them from now on, so that those who choose while we write do not all choose the same nodes. */
  private async write(tx: Tx, deployment: LockedDeployment, order: PlacementOrder, placement: Placement, fleet: Fleet): Promise<void> {
    const { nodeIds, explanation } = placement;
    const each = amountsOf(deployment.resources);
    const { generation, revision, cause } = order;
    fleet.take(nodeIds, each);
    try {
      await this.placements.add(
        tx,
        { deploymentId: deployment.id, generation, revision, cause, explanation, perReplica: deployment.resources },
        nodeIds.map((nodeId, index) => ({ nodeId, attempt: order.attempts?.[index] ?? 0 })),
      );
    } catch (error) {
      fleet.giveBack(nodeIds, each);
      this.fleet.forget();
      throw error;
    }
  }

  /** The nodes as they are, and in the end as they stay until the transaction ends; callers queue in id order. */
  private async lookAgain(tx: Tx, attempt: number): Promise<Fleet> {
    if (attempt === 2) {
      const fleet = await this.fleet.fresh(tx);
      if (fleet.size > LOCKED_AT_ONCE) return fleet;
    }
    return new Fleet(await this.nodes.candidates(tx, { lock: true }));
  }
}

const requestOf = ({ resources, region, placementStrategy }: PlacementNeeds, count: number): PlacementRequest => ({
  replicas: count,
  perReplica: resources,
  region,
  strategy: placementStrategy,
});
