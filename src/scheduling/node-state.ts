import { RESOURCE_DIMENSIONS, subtract, type Resources } from '../common/resources';
import type { Candidate, PlacementRequest, ScoreParts } from './place.types';
import { score } from './score';

/** A node during one placement. */
export interface NodeState {
  readonly node: Candidate;
  placed: number;
  /** What is free now. */
  free: Resources;
  /** What would be free with one replica more; negative where that is too much. */
  left: Resources;
}

/** A node that could take at least one replica at the start, with the score of its next replica. */
export interface OpenNode extends NodeState {
  score: ScoreParts;
  /** The score before anything was placed: the one that explanations show. */
  readonly firstScore: ScoreParts;
}

export function stateOf(node: Candidate, request: PlacementRequest): NodeState {
  const free = subtract(node.capacity, node.reserved);
  return { node, placed: 0, free, left: subtract(free, request.perReplica) };
}

/** Replicas of this deployment on the node, with those of this call. */
export const replicasOn = (state: NodeState): number => state.node.ownReplicas + state.placed;

/** `distinct` has had its one replica there. */
export const isTaken = (state: NodeState, request: PlacementRequest): boolean => request.strategy === 'distinct' && replicasOn(state) > 0;

/** The whole rule of eligibility, the same before the first replica and after each. */
export const canTake = (state: NodeState, request: PlacementRequest): boolean =>
  state.node.unavailable === null && !isTaken(state, request) && RESOURCE_DIMENSIONS.every((dimension) => state.left[dimension] >= 0);

export function open(state: NodeState, request: PlacementRequest): OpenNode {
  const firstScore = score(state.node, state.left, request.region);
  const { node, placed, free, left } = state; // spelled out: object spread made this the slowest line for a large fleet
  return { node, placed, free, left, score: firstScore, firstScore };
}

/** Puts one replica on the node and scores it for the next one. */
export function take(state: OpenNode, request: PlacementRequest): void {
  state.placed += 1;
  state.free = state.left;
  state.left = subtract(state.free, request.perReplica);
  state.score = score(state.node, state.left, request.region);
}
