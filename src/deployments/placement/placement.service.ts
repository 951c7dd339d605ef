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
  /** The revision that the new replicas run; the deployment's `resources` must be those of this revision. */
  readonly revision: number;
  /** The number of the deployment's live replicas by node, if the caller knows it. */
  readonly own?: ReadonlyMap<string, number> | undefined;
  /** The attempt number of each new replica, for those that replace a failed one; 0 for the others. */
  readonly attempts?: readonly number[];
  /** The fleet that `prepare` returned. */
  readonly fleet?: Fleet | undefined;
}

/** What placement needs to know of a deployment. */
export type PlacementNeeds = Pick<LockedDeployment, 'region' | 'placementStrategy' | 'resources'>;

/** A second attempt locks all nodes of a fleet of at most this size; in a larger one only the last attempt does. */
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

  /** The placement that would be made now, after a look at every node. Writes nothing. */
  async preview(tx: Tx, wanted: PlacementNeeds, count: number): Promise<Placement> {
    return place(requestOf(wanted, count), await this.fleet.fresh(tx), { own: new Map(), exact: true });
  }

  /**
   * Places all `count` replicas or none; if none, nothing is written and the placement says why. Replacements are the
   * exception: as many as fit are placed, and `nodeIds` tells how many that were.
   * The first attempt uses the fleet as this process last read it. When the database refuses it because others took the
   * capacity meanwhile or a node stopped taking replicas (`isCapacityTaken`), the caller's transaction runs again: see
   * `prepare`.
   */
  place(tx: Tx, deployment: LockedDeployment, order: PlacementOrder, attempt: number): Promise<Placement> {
    return this.metrics.timePlacement(order.cause, () => this.choosePlaces(tx, deployment, order, attempt));
  }

  /**
   * To be called with the attempt number at the beginning of a transaction that also releases reservations. A later attempt may
   * lock the nodes in id order, which a release before it would break. What this returns goes into the order.
   */
  async prepare(tx: Tx, attempt: number): Promise<Fleet | undefined> {
    return attempt > 1 ? this.lookAgain(tx, attempt) : undefined;
  }

  private async choosePlaces(tx: Tx, deployment: LockedDeployment, order: PlacementOrder, attempt: number): Promise<Placement> {
    const own = order.own ?? (await this.replicas.census(tx, deployment)).liveByNode;
    const request = requestOf(deployment, order.count);
    let fleet = order.fleet ?? (attempt > 1 ? await this.lookAgain(tx, attempt) : await this.fleet.current(tx));
    let placement = place(request, fleet, { own });
    // The fleet may be outdated, and one from `prepare` does not contain what this transaction has released.
    if (placement.shortfall !== null) {
      fleet = await this.fleet.fresh(tx);
      placement = place(request, fleet, { own });
    }
    const takesLess = order.cause === 'replace' || order.cause === 'drain';
    const nodeIds = placement.shortfall === null || takesLess ? placement.nodeIds : [];
    // The placement is also kept when it makes a deployment fail. A replacement without a place is tried again and again, so it
    // is not kept.
    if (nodeIds.length === 0 && order.cause !== 'deploy') return placement;
    await this.write(tx, deployment, order, { ...placement, nodeIds }, fleet);
    return placement;
  }

  /** The replicas count in the fleet at once, so that others who place during the write do not all choose the same nodes. */
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

  /**
   * Reads the nodes anew; the last attempt also locks them, in id order, so that they do not change until the transaction ends.
   */
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
