import type { DeploymentStatus } from '../deployments/domain/deployment-status';
import type { ReplicaStatus } from '../deployments/domain/replica-status';
import type { PlacementCause } from '../deployments/placement.service';
import type { ReplicaMove } from '../deployments/replicas.repository';
import type { ObservedWorkload } from '../runtime/runtime-driver';

/** A replica that is not finished: it lives, is being stopped, or failed and still counts or still holds its reservation. */
export interface PlanReplica {
  readonly id: string;
  readonly status: ReplicaStatus;
  readonly generation: number;
  readonly attempt: number;
  readonly reason: string | null;
  readonly nodeId: string;
  readonly nodeName: string;
  readonly nodeOnline: boolean;
  readonly nodeDraining: boolean;
  readonly superseded: boolean;
  readonly reserved: boolean;
  readonly createdAt: Date;
  readonly changedAt: Date;
  readonly startedAt: Date | null;
}

/** What a node's engine showed. A replica that is missing from `workloads` is confirmed to be absent. */
export type NodeView =
  | { readonly reachable: true; readonly workloads: ReadonlyMap<string, ObservedWorkload> }
  | { readonly reachable: false; readonly words: string };

export interface StartFailure {
  readonly words: string;
  /** False: it would fail the same way again. */
  readonly retryable: boolean;
}

export interface PlanInput {
  readonly deployment: { readonly status: DeploymentStatus; readonly targetReplicas: number; readonly generation: number };
  readonly replicas: readonly PlanReplica[];
  readonly views: ReadonlyMap<string, NodeView>;
  /** Why an engine refused to start replicas, since the last plan. */
  readonly startFailures: ReadonlyMap<string, StartFailure>;
  readonly now: Date;
}

export interface PlacementWish {
  readonly count: number;
  readonly cause: PlacementCause;
  /** Failed replicas that the new ones take the place of, with the attempt number of the successor. */
  readonly replaces: readonly { readonly id: string; readonly attempt: number }[];
}

/** What to write down in one transaction, then what to ask of the engines, then when to look again. */
export interface Plan {
  readonly moves: readonly ReplicaMove[];
  readonly release: readonly string[];
  readonly supersede: readonly string[];
  readonly place: PlacementWish | null;
  readonly deployment: { readonly to: DeploymentStatus; readonly reason: string } | null;
  readonly ensure: readonly string[];
  readonly remove: readonly { readonly nodeId: string; readonly replicaId: string }[];
  /** In words, what had to be left because a node does not answer. */
  readonly blocked: readonly string[];
  /** Null: settled, nothing to look at until something changes. */
  readonly lookAgainMs: number | null;
}
