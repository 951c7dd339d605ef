import { explain, shortfallText } from './explain';
import type { Fleet } from './fleet';
import type { OpenNodes } from './open-nodes';
import type { Placement, PlacementContext, PlacementRequest } from './place.types';
import { sample } from './sample';

const NO_CONTEXT: PlacementContext = { own: new Map() };

/**
 * Chooses a node for each replica, for as many as fit; the caller decides whether fewer than requested will do. In a small
 * fleet it chooses among all nodes, in a large one among a sample of those with room, and the explanation says so. How many
 * replicas find a place, and on how many nodes, is the same either way; only the score may be a little lower. Pure: the same
 * nodes, in any order, and the same start give the same answer.
 */
export function place(request: PlacementRequest, fleet: Fleet, context: PlacementContext = NO_CONTEXT): Placement {
  const open = sample(request, fleet, context);
  const nodeIds = choose(request, open);
  const explanation = explain(request, open, nodeIds.length);
  const isShort = nodeIds.length < request.replicas;
  return {
    nodeIds,
    found: nodeIds.length,
    shortfall: isShort ? shortfallText('Insufficient nodes', { explanation }) : null,
    explanation,
  };
}

function choose({ replicas }: PlacementRequest, open: OpenNodes): string[] {
  const nodeIds: string[] = [];
  const heap = open.heap();
  while (nodeIds.length < replicas) {
    const best = heap.first();
    if (best === undefined) break;
    const node = open.fleet.nodes[open.places[best] ?? -1];
    if (!node) throw new Error('A node was chosen that is not in the fleet');
    nodeIds.push(node.id);
    if (open.take(best)) heap.settleFirst();
    else heap.removeFirst();
  }
  return nodeIds;
}
