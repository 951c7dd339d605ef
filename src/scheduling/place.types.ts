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
  /** The number of live replicas of this deployment on each node, by node id. */
  readonly own: ReadonlyMap<string, number>;
  /** Nodes that have lately refused replicas of this deployment, with how many: they come last. */
  readonly refusals?: ReadonlyMap<string, number>;
  /** Looks at every node, however large the fleet is. */
  readonly exact?: boolean;
}

/** Each part is between 0 and 1; `total` is their weighted sum. */
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
  /** The score before this placement: it says why a node was preferred, not how full it is now. */
  readonly score: ScoreParts;
  /** How many of the requested replicas the node got. */
  readonly replicas: number;
}

export interface RejectedNode {
  readonly nodeId: string;
  readonly nodeName: string;
  readonly reasons: readonly string[];
}

/** A dimension for which at least one available node could not take another replica, measured after the placement. */
export interface Shortage {
  readonly dimension: ResourceDimension;
  readonly needed: number;
  /** At least `needed` when different nodes lack different things: some have enough of this, but no node has enough of all. */
  readonly largestFree: number;
  readonly nodesShort: number;
}

/** Kept with every placement. The lists are cut (see explain.ts); the counts are over all nodes that were considered. */
export interface PlacementExplanation {
  readonly strategy: PlacementStrategy;
  readonly requested: number;
  readonly placed: number;
  /** The number of nodes in the whole fleet. */
  readonly nodesTotal: number;
  /** The number of nodes that were looked at. In a large fleet it is a sample, and the best of it were taken. */
  readonly nodesConsidered: number;
  readonly sampled: boolean;
  /** The number of nodes that could take at least one replica before any was placed. */
  readonly nodesWithCapacity: number;
  readonly nodesRejected: number;
  /** The number of rejected nodes that take no replicas now, whatever their capacity. */
  readonly nodesUnavailable: number;
  /**
   * The number of available nodes that hold a replica of this deployment, also one of this placement, and so take no other
   * (`distinct` only).
   */
  readonly nodesTaken: number;
  /** Chosen nodes first, then by score. */
  readonly candidates: readonly ExplainedCandidate[];
  readonly rejected: readonly RejectedNode[];
  /** Empty when all replicas found a place. */
  readonly shortages: readonly Shortage[];
  /** What their volumes have to do with it, in words; absent when all replicas found a place, or have no volumes. */
  readonly volumes?: string;
}

/** What the volumes of replicas say about where these may run. */
export interface PlacedVolumes {
  /** Where their data is; null: nowhere yet. */
  readonly node: { readonly id: string; readonly name: string } | null;
  /** Their names, in words, such as `volume data`. */
  readonly words: string;
  /** What those that are nowhere yet will take there, in GB. */
  readonly newGb: number;
}

export interface Placement {
  /** One node id per replica, in the order of choice; fewer than requested when there was no room for all. */
  readonly nodeIds: readonly string[];
  /** How many replicas found a place: the `found` in messages about a shortfall. */
  readonly found: number;
  /**
   * Null when all replicas fit, otherwise a sentence such as `Insufficient nodes: need 3, found 1 with capacity; memory: 4096
   * MB needed per replica, at most 2048 MB free on a node`.
   */
  readonly shortfall: string | null;
  readonly explanation: PlacementExplanation;
}
