import type { DeploymentStatus } from '../deployments/domain/deployment-status';
import type { ReplicaStatus } from '../deployments/domain/replica-status';
import type { PlacementCause } from '../deployments/placement/placements.repository';
import type { ReplicaMove } from '../deployments/replicas.repository';
import type { ObservedWorkload } from '../runtime/runtime-driver';

/** An unfinished replica: it is live, is stopping, or has failed and still counts or still holds its reservation. */
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
  /** Until then a stopping replica keeps its container and its reservation for a restore. */
  readonly warmUntil: Date | null;
  /** When the engine first showed that the suspended container no longer ran. */
  readonly suspendedAt: Date | null;
  /**
   * When the run that was suspended had begun, by the engine's clock. Only after this run may the container be started again.
   */
  readonly suspendedRunAt: Date | null;
}

/** A replica whose container is suspended, and when the run that ended had begun. */
export interface Suspension {
  readonly replicaId: string;
  readonly runAt: Date;
}

/** Why a stopping replica could not be ended, in words. */
export interface StopFailure {
  readonly replicaId: string;
  readonly words: string;
}

/** What a node's engine showed. A replica that is missing from `workloads` is confirmed absent. */
export type NodeView =
  | { readonly reachable: true; readonly workloads: ReadonlyMap<string, ObservedWorkload> }
  | { readonly reachable: false; readonly words: string };

export interface StartFailure {
  readonly words: string;
  /** False when another attempt would fail the same way. */
  readonly retryable: boolean;
}

export interface PlanInput {
  readonly deployment: {
    readonly status: DeploymentStatus;
    readonly targetReplicas: number;
    readonly generation: number;
    /** The revision that the replicas should run. */
    readonly revision: number;
  };
  readonly replicas: readonly PlanReplica[];
  readonly views: ReadonlyMap<string, NodeView>;
  /** Why engines refused to start replicas since the last plan. */
  readonly startFailures: ReadonlyMap<string, StartFailure>;
  readonly now: Date;
}

export interface PlannedPlacement {
  readonly revision: number;
  readonly count: number;
  readonly cause: PlacementCause;
  /** The failed replicas that the new ones replace, each with the attempt number of its successor. */
  readonly replaces: readonly { readonly id: string; readonly attempt: number }[];
}

interface OnNode {
  readonly nodeId: string;
  readonly replicaId: string;
}

/** What to record in one transaction, then what to ask of the engines, then when to look again. */
export interface Plan {
  readonly moves: readonly ReplicaMove[];
  readonly release: readonly string[];
  readonly supersede: readonly string[];
  /** Suspended containers that the engine shows as ended, which is to be recorded. */
  readonly suspended: readonly Suspension[];
  readonly place: PlannedPlacement | null;
  readonly deployment: { readonly to: DeploymentStatus; readonly reason: string } | null;
  readonly ensure: readonly string[];
  /** Containers to stop without removing them. */
  readonly suspend: readonly OnNode[];
  readonly remove: readonly OnNode[];
  /** Why something could not be done, in words: the node does not answer. */
  readonly blocked: readonly string[];
  /** The stopping replicas whose nodes do not answer. */
  readonly unstoppable: readonly StopFailure[];
  /** When to look again; null when nothing is left to do until something changes. */
  readonly lookAgainMs: number | null;
}
