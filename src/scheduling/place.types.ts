import type { ResourceDimension, Resources } from '../engines/resources';

/** `spread` prefers distinct nodes, `distinct` demands them, `binpack` fills nodes. */
export const PLACEMENT_STRATEGIES = ['spread', 'distinct', 'binpack'] as const;
export type PlacementStrategy = (typeof PLACEMENT_STRATEGIES)[number];

export interface PlacementRequest {
  readonly replicas: number;
  readonly perReplica: Resources;
  readonly region: string;
  readonly strategy: PlacementStrategy;
}

/** What placement looks at besides the request and the fleet. */
export interface PlacementContext {
  /** Live replicas of this very deployment that nodes hold already, by node id. */
  readonly own: ReadonlyMap<string, number>;
  /** Looks at every node, however large the fleet is. */
  readonly exact?: boolean;
}

/** Each part in 0..1; `total` is their weighted sum (contract, section 5, Placement). */
export interface ScoreParts {
  readonly total: number;
  readonly free: number;
  readonly cpuIdle: number;
  readonly memoryIdle: number;
  readonly locality: number;
  readonly latencyMs: number;
}

export interface ExplainedCandidate {
  readonly nodeId: string;
  readonly nodeName: string;
  /** Before anything was placed by this call: it says why a node was preferred, not how full it is now. */
  readonly score: ScoreParts;
  /** How many of the requested replicas it was given. */
  readonly replicas: number;
}

export interface RejectedNode {
  readonly nodeId: string;
  readonly nodeName: string;
  readonly reasons: readonly string[];
}

/** A dimension that kept the next replica off at least one available node, measured after what was placed. */
export interface Shortage {
  readonly dimension: ResourceDimension;
  readonly needed: number;
  /** Not less than `needed` when the nodes lack different things: each has this one or another, none has all. */
  readonly largestFree: number;
  readonly nodesShort: number;
}

/** Kept with every placement. The lists are cut (see explain.ts); the counts are of all nodes that were considered. */
export interface PlacementExplanation {
  readonly strategy: PlacementStrategy;
  readonly requested: number;
  readonly placed: number;
  /** The whole fleet. */
  readonly nodesTotal: number;
  /** Nodes that were looked at. Fewer than the fleet has when it is large: then the best of these were taken. */
  readonly nodesConsidered: number;
  readonly sampled: boolean;
  /** Nodes that could take at least one replica before any was placed. */
  readonly nodesWithCapacity: number;
  readonly nodesRejected: number;
  /** Of the rejected: not taking replicas now, whatever their capacity. */
  readonly nodesUnavailable: number;
  /** Available nodes that hold a replica of this deployment, this call's included, and so take no other (`distinct` only). */
  readonly nodesTaken: number;
  /** Chosen nodes first, then by score. */
  readonly candidates: readonly ExplainedCandidate[];
  readonly rejected: readonly RejectedNode[];
  /** Empty when all replicas found a place. */
  readonly shortages: readonly Shortage[];
}

export interface Placement {
  /** One node id per replica, in the order of choice; shorter than requested when there was no room for all. */
  readonly nodeIds: readonly string[];
  /** How many replicas found a place: the `found` of the contract's messages. */
  readonly found: number;
  /** `Insufficient nodes: need 3, found 1 with capacity; memory: 4096 MB needed per replica, at most 2048 MB free on a node`; null when all fit. */
  readonly shortfall: string | null;
  readonly explanation: PlacementExplanation;
}
