import type { FleetNode } from '../../src/engines/fleet-node';
import type { Resources } from '../../src/engines/resources';
import { Fleet } from '../../src/scheduling/fleet';
import { place } from '../../src/scheduling/place';
import type { Placement, PlacementRequest } from '../../src/scheduling/place.types';

/** A node with the number of replicas of the deployment in question that it already has. */
export interface Candidate extends FleetNode {
  readonly ownReplicas: number;
  /** How many replicas of the deployment it has lately refused to start. */
  readonly refused?: number;
}

export const placeOn = (request: PlacementRequest, nodes: readonly Candidate[]): Placement =>
  place(request, new Fleet(nodes), {
    own: new Map(nodes.map(({ id, ownReplicas }) => [id, ownReplicas])),
    refusals: new Map(nodes.flatMap(({ id, refused = 0 }) => (refused > 0 ? [[id, refused] as const] : []))),
  });

/** Nothing but what is named. */
export const resources = (over: Partial<Resources> = {}): Resources => ({ cpuCores: 0, memoryMb: 0, gpuUnits: 0, storageGb: 0, ...over });
const FULL_SIZE = resources({ cpuCores: 16, memoryMb: 32768, storageGb: 500 });

/** An empty node of 16 cores, 32 GB and 500 GB of storage. */
export const aNode = (id: string, over: Partial<Candidate> = {}): Candidate => ({
  id,
  name: `node-${id}`,
  region: 'us-east',
  capacity: FULL_SIZE,
  reserved: resources(),
  cpuUsagePercent: 0,
  memoryUsagePercent: 0,
  ownReplicas: 0,
  unavailable: null,
  ...over,
});

/** For one replica of 4 cores and 8 GB. */
export const aRequest = (over: Partial<PlacementRequest> = {}): PlacementRequest => ({
  replicas: 1,
  perReplica: resources({ cpuCores: 4, memoryMb: 8192, storageGb: 10 }),
  region: 'us-east',
  strategy: 'spread',
  ...over,
});

/** A node of another size. */
export const withFree = (id: string, free: Partial<Resources>, over: Partial<Candidate> = {}): Candidate =>
  aNode(id, { capacity: resources({ cpuCores: 16, memoryMb: 32768, storageGb: 500, ...free }), ...over });
