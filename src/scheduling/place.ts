import { explain, shortfallText } from './explain';
import { Heap } from './heap';
import { canTake, open, replicasOn, stateOf, take, type NodeState, type OpenNode } from './node-state';
import type { Candidate, Placement, PlacementRequest, PlacementStrategy } from './place.types';

type Order = (a: OpenNode, b: OpenNode) => number;

const byScore: Order = (a, b) => b.score.total - a.score.total || (a.node.id < b.node.id ? -1 : 1);

/** Which node takes the next replica. Every order ends at the id, so the order of the candidates never matters. */
const ORDER: Readonly<Record<PlacementStrategy, Order>> = {
  spread: (a, b) => replicasOn(a) - replicasOn(b) || byScore(a, b),
  distinct: byScore,
  binpack: (a, b) => a.score.free - b.score.free || byScore(a, b),
};

/**
 * Chooses a node for each replica, as many as fit; whether fewer than requested will do is the caller's decision.
 * Pure: the same nodes give the same answer in any order. Costs O(n + k log n) for n nodes and k replicas.
 */
export function place(request: PlacementRequest, candidates: readonly Candidate[]): Placement {
  const opened: OpenNode[] = [];
  const rejected: NodeState[] = [];
  for (const candidate of candidates) {
    const state = stateOf(candidate, request);
    if (canTake(state, request)) opened.push(open(state, request));
    else rejected.push(state);
  }

  const nodeIds = choose(request, opened);
  const explanation = explain(request, opened, rejected);
  const isShort = nodeIds.length < request.replicas;
  return {
    nodeIds,
    found: nodeIds.length,
    shortfall: isShort ? shortfallText('Insufficient nodes', { explanation }) : null,
    explanation,
  };
}

function choose(request: PlacementRequest, opened: readonly OpenNode[]): string[] {
  const nodeIds: string[] = [];
  const heap = new Heap([...opened], ORDER[request.strategy]);
  while (nodeIds.length < request.replicas) {
    const best = heap.first();
    if (best === undefined) break;
    nodeIds.push(best.node.id);
    take(best, request);
    if (canTake(best, request)) heap.settleFirst();
    else heap.removeFirst();
  }
  return nodeIds;
}
