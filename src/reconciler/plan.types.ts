import type { DeploymentStatus } from '../deployments/domain/deployment-status';
import type { ReplicaStatus } from '../deployments/domain/replica-status';
import type { PlacementCause } from '../deployments/placement/placements.repository';
import type { ReplicaMove } from '../deployments/replicas.repository';
import type { ObservedWorkload } from '../runtime/runtime-driver';

/** A replica that is not finished: it lives, is being stopped, or failed and still counts or still holds its reservation. */
export interface PlanReplica {
  readonly id: string;
  readonly status: ReplicaStatus;
  readonly generation: number;
  readonly revision: number;
  readonly attempt: number;
  readonly reason: string | null;
  readonly nodeId: string;
  readonly nodeName: string;
  readonly nodeOnline: boolean;
  readonly nodeDraining: boolean;
  readonly superseded: boolean;
  readonly reserved: boolean;
  readonly changedAt: Date;
  readonly startedAt: Date | null;
  /** A stopping one keeps its container and its reservation until then, for a restore. */
  readonly warmUntil: Date | null;
  /** When it was seen that the kept container has ended. */
  readonly suspendedAt: Date | null;
  /** By the engine's clock, when the run had begun that was suspended: this one may be started again. */
  readonly suspendedRunAt: Date | null;
}

/** A replica whose container is kept, as it was when it had ended. */
export interface Suspension {
  readonly replicaId: string;
  readonly runAt: Date;
}

/** In words, what keeps a stopping replica from ending. */
export interface StopFailure {
  readonly replicaId: string;
  readonly words: string;
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
  readonly deployment: {
    readonly status: DeploymentStatus;
    readonly targetReplicas: number;
    readonly generation: number;
    /** The revision that its replicas shall run. */
    readonly revision: number;
  };
  readonly replicas: readonly PlanReplica[];
  readonly views: ReadonlyMap<string, NodeView>;
  /** Why an engine refused to start replicas, since the last plan. */
  readonly startFailures: ReadonlyMap<string, StartFailure>;
  readonly now: Date;
}

export interface PlacementWish {
  readonly revision: number;
  readonly count: number;
  readonly cause: PlacementCause;
  /** Failed replicas that the new ones take the place of, with the attempt number of the successor. */
  readonly replaces: readonly { readonly id: string; readonly attempt: number }[];
}

interface OnNode {
  readonly nodeId: string;
  readonly replicaId: string;
}

/** What to write down in one transaction, then what to ask of the engines, then when to look again. */
export interface Plan {
  readonly moves: readonly ReplicaMove[];
  readonly release: readonly string[];
  readonly supersede: readonly string[];
  /** Kept containers that have been seen to stand still. */
  readonly suspended: readonly Suspension[];
  readonly place: PlacementWish | null;
  readonly deployment: { readonly to: DeploymentStatus; readonly reason: string } | null;
  readonly ensure: readonly string[];
  /** Stop, but keep. */
  readonly suspend: readonly OnNode[];
  readonly remove: readonly OnNode[];
  /** In words, what had to be left because a node does not answer. */
  readonly blocked: readonly string[];
  /** The stopping replicas among what had to be left. */
  readonly unstoppable: readonly StopFailure[];
  /** Null: settled, nothing to look at until something changes. */
  readonly lookAgainMs: number | null;
}
