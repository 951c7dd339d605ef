import { Injectable } from '@nestjs/common';
import type { Tx } from '../../database/transaction';
import { NodesRepository } from '../../nodes/nodes.repository';
import { amountsOf, Fleet } from '../../scheduling/fleet';
import { place } from '../../scheduling/place';
import type { PlacedVolumes, Placement } from '../../scheduling/place.types';
import { placeWithVolumes } from '../../scheduling/place-with-volumes';
import { DeploymentMetrics } from '../deployment-metrics';
import type { DeploymentSpec } from '../spec/deployment-spec';
import { FleetView } from './fleet-view';
import { PlacementsRepository, type PlacedDeployment } from './placements.repository';

/** A deployment, and what its volumes say about where it may run. */
interface Wanted {
  readonly spec: DeploymentSpec;
  readonly volumes: PlacedVolumes | null;
}

/** Finds the places of many new deployments, one after the other, and takes the capacity of all with one statement. */
@Injectable()
export class ManyPlacements {
  constructor(
    private readonly nodes: NodesRepository,
    private readonly fleet: FleetView,
    private readonly placements: PlacementsRepository,
    private readonly metrics: DeploymentMetrics,
  ) {}

  /** The placement that each would get now, as if those before it had been made. Writes nothing. */
  async preview(tx: Tx, wanted: readonly Wanted[]): Promise<Placement[]> {
    return placeAll(wanted, new Fleet(await this.nodes.candidates(tx, { lock: false })));
  }

  /**
   * The same, to be written next. Other placements of this process count these replicas from now on, so the caller says `forget`
   * when it writes nothing. `again`: others had taken the capacity, so every node is looked at anew. Not for deployments with volumes.
   */
  async choose(tx: Tx, specs: readonly DeploymentSpec[], { again }: { readonly again: boolean }): Promise<Placement[]> {
    const wanted = specs.map((spec) => ({ spec, volumes: null }));
    return placeAll(wanted, again ? await this.fleet.fresh(tx) : await this.fleet.current(tx));
  }

  /** Takes the capacity. Throws what `isCapacityTaken` recognises; then nothing of it is taken. */
  async write(tx: Tx, placed: readonly PlacedDeployment[]): Promise<void> {
    if (placed.length === 0) return;
    await this.metrics.timePlacement('deploy', async () => {
      await this.placements.addMany(tx, placed);
      return { shortfall: null };
    });
  }

  /** What was chosen is not written. */
  forget(): void {
    this.fleet.forget();
  }
}

/** One without room for all of its replicas takes nothing. */
function placeAll(wanted: readonly Wanted[], fleet: Fleet): Placement[] {
  return wanted.map(({ spec: { replicas, region, placementStrategy: strategy, container }, volumes }) => {
    const { resources } = container;
    const request = { replicas, region, strategy, perReplica: resources };
    const placement = volumes === null ? place(request, fleet) : placeWithVolumes(request, fleet, { own: new Map() }, volumes);
    if (placement.shortfall === null) fleet.take(placement.nodeIds, amountsOf(resources));
    return placement;
  });
}
