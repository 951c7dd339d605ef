import { Injectable } from '@nestjs/common';
import type { Tx } from '../../database/transaction';
import { NodesRefused, NodesRepository } from '../../nodes/nodes.repository';
import { subtract } from '../../engines/resources';
import { amountsOf, Fleet } from '../../scheduling/fleet';
import { place } from '../../scheduling/place';
import type { PlacedVolumes, Placement, PlacementContext, PlacementRequest } from '../../scheduling/place.types';
import { placeWithVolumes, unplaced } from '../../scheduling/place-with-volumes';
import { DeploymentMetrics } from '../deployment-metrics';
import type { LockedDeployment } from '../deployments.repository';
import { FleetView } from './fleet-view';
import { PlacementsRepository, type PlacementCause } from './placements.repository';
import { ReplicasRepository } from '../replicas.repository';
import { VolumePlaces } from './volume-places';

export interface PlacementOrder {
  readonly count: number;
  readonly cause: PlacementCause;
  readonly generation: number;
  /** The revision that the new replicas run; the deployment's `resources` must be those of this revision. */
  readonly revision: number;
  /** The rollout that the new replicas are part of; 0 means none. */
  readonly rollout: number;
  /** The number of the deployment's live replicas by node, if the caller knows it. */
  readonly own?: ReadonlyMap<string, number> | undefined;
  /** The attempt number of each new replica, for those that replace a failed one; 0 for the others. */
  readonly attempts?: readonly number[];
  /** What is short may be waited for, so it is not written down when it may pass by itself. */
  readonly patient?: boolean;
  /** False: the revision is known to mount no volumes. */
  readonly mayHaveVolumes?: boolean;
  /** The fleet that `prepare` returned. */
  readonly fleet?: Fleet | undefined;
}

/** `waits`: there is no room now, but there will be when what is leaving has left and when silent nodes answer again. */
export interface Placed extends Placement {
  readonly waits: boolean;
}

/** What placement needs to know of a deployment. */
export type PlacementNeeds = Pick<LockedDeployment, 'region' | 'placementStrategy' | 'resources'>;

/** Nodes from a fleet for a request. */
type Choose = (fleet: Fleet) => Placement;

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
    private readonly volumes: VolumePlaces,
    private readonly metrics: DeploymentMetrics,
  ) {}

  /** The placement that would be made now, after a look at every node. Writes nothing. `volumes`: what its volumes say about that. */
  async preview(tx: Tx, wanted: PlacementNeeds, count: number, volumes: PlacedVolumes | null): Promise<Placement> {
    const fleet = await this.fleet.fresh(tx);
    return placeIn(requestOf(wanted, count), fleet, { own: new Map(), exact: true }, volumes);
  }

  /**
   * Places all `count` replicas or none; if none, nothing is written and the placement says why. Replacements and rollouts are the
   * exception: as many as fit are placed, and `nodeIds` tells how many that were.
   * The first attempt uses the fleet as this process last read it. When the database refuses it because others took the
   * capacity meanwhile or a node stopped taking replicas (`isCapacityTaken`), the caller's transaction runs again: see
   * `prepare`.
   */
  place(tx: Tx, deployment: LockedDeployment, order: PlacementOrder, attempt: number): Promise<Placed> {
    return this.metrics.timePlacement(order.cause, () => this.choosePlaces(tx, deployment, order, attempt));
  }

  /**
   * To be called with the attempt number at the beginning of a transaction that also releases reservations: volumes are locked before
   * nodes, and a later attempt may lock the nodes in id order, which a release before it would break. What this returns goes into the
   * order.
   */
  async prepare(
    tx: Tx,
    deployment: LockedDeployment,
    { revision, mayHaveVolumes }: Pick<PlacementOrder, 'revision' | 'mayHaveVolumes'>,
    attempt: number,
  ): Promise<Fleet | undefined> {
    if (mayHaveVolumes !== false) await this.volumes.lock(tx, deployment, revision);
    return attempt > 1 ? this.lookAgain(tx, attempt) : undefined;
  }

  private async choosePlaces(tx: Tx, deployment: LockedDeployment, order: PlacementOrder, attempt: number): Promise<Placed> {
    const own = order.own ?? (await this.replicas.census(tx, deployment)).liveByNode;
    const request = requestOf(deployment, order.count);
    // Volumes are locked before nodes, as everywhere.
    const volumes = order.mayHaveVolumes === false ? null : await this.volumes.of(tx, deployment, order.revision);
    let fleet = order.fleet ?? (attempt > 1 ? await this.lookAgain(tx, attempt) : await this.fleet.current(tx));
    const isFirst = order.cause === 'deploy' && order.generation === 1;
    const refusals = isFirst ? undefined : await this.replicas.refusals(tx, deployment.id);
    const inTheWay = volumes?.inTheWay ?? null;
    if (inTheWay !== null) return { ...unplaced(request, fleet, inTheWay), waits: true };
    let placement = placeIn(request, fleet, { own, refusals }, volumes);
    // The fleet may be outdated, and one from `prepare` does not contain what this transaction has released.
    if (placement.shortfall !== null) {
      fleet = await this.fleet.fresh(tx);
      placement = placeIn(request, fleet, { own, refusals }, volumes);
    }
    const fits: Choose = (later) => placeIn(request, later, { own, exact: true }, volumes);
    const mayWait = async (): Promise<boolean> => (order.patient === true && (await this.fitsLater(tx, fits))) || isAway(fleet, volumes);
    if (placement.shortfall !== null && (await mayWait())) return { ...placement, nodeIds: [], waits: true };
    const takesLess = order.cause === 'replace' || order.cause === 'drain' || order.cause === 'rollout';
    const nodeIds = placement.shortfall === null || takesLess ? placement.nodeIds : [];
    // The placement is also kept when it makes a deployment fail. A replacement without a place is tried again and again, so it
    // is not kept.
    if (nodeIds.length === 0 && order.cause !== 'deploy') return { ...placement, waits: false };
    const [first] = nodeIds;
    if (volumes && first !== undefined && !(await this.volumes.bind(tx, volumes, first))) {
      throw new NodesRefused('A volume was bound to a node meanwhile');
    }
    await this.write(tx, deployment, order, { ...placement, nodeIds }, fleet);
    return { ...placement, waits: false };
  }

  /** Whether all replicas would fit when what is leaving has left and the nodes that are silent now answer again. */
  private async fitsLater(tx: Tx, choose: Choose): Promise<boolean> {
    const nodes = await this.nodes.candidates(tx, { lock: false, silentToo: true });
    const leaving = await this.replicas.leaving(tx);
    const later = nodes.map((node) => {
      const left = leaving.get(node.id);
      return left ? { ...node, reserved: subtract(node.reserved, left) } : node;
    });
    return choose(new Fleet(later)).shortfall === null;
  }

  /** The replicas count in the fleet at once, so that others who place during the write do not all choose the same nodes. */
  private async write(tx: Tx, deployment: LockedDeployment, order: PlacementOrder, placement: Placement, fleet: Fleet): Promise<void> {
    const { nodeIds, explanation } = placement;
    const each = amountsOf(deployment.resources);
    const { generation, revision, rollout, cause } = order;
    fleet.take(nodeIds, each);
    try {
      await this.placements.add(
        tx,
        { deploymentId: deployment.id, generation, revision, rollout, cause, explanation, perReplica: deployment.resources },
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

const placeIn = (request: PlacementRequest, fleet: Fleet, context: PlacementContext, volumes: PlacedVolumes | null): Placement =>
  volumes === null ? place(request, fleet, context) : placeWithVolumes(request, fleet, context, volumes);

/** The node with the volumes is there, and takes no replicas now: whoever waits for it does so for as long as that lasts. */
const isAway = (fleet: Fleet, volumes: PlacedVolumes | null): boolean =>
  fleet.nodes.some((node) => node.id === volumes?.node?.id && node.unavailable !== null);

const requestOf = ({ resources, region, placementStrategy }: PlacementNeeds, count: number): PlacementRequest => ({
  replicas: count,
  perReplica: resources,
  region,
  strategy: placementStrategy,
});
