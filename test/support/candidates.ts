import type { FleetNode } from '../../src/engines/fleet-node';
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
