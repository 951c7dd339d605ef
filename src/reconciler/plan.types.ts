import type { DeploymentStatus } from '../deployments/domain/deployment-status';
import type { ReplicaStatus } from '../deployments/domain/replica-status';
import type { OpenRollout, RolloutPolicy, RolloutState } from '../deployments/domain/rollout';
import type { PlacementCause } from '../deployments/placement/placements.repository';
import type { ReplicaFacts, ReplicaMove } from '../deployments/replicas.repository';
import type { NodePlace } from '../engines/node-address';
import type { ObservedWorkload } from '../runtime/runtime-driver';
import type { RestartPolicy } from '../engines/container-spec';
import type { RecordedRun } from './runs';

/**
 * A replica that is unfinished (it is live, is stopping, or has failed and still counts or still holds its reservation), or one of
 * the present generation that has ended well.
 */
export interface PlanReplica extends RecordedRun {
  readonly id: string;
  readonly status: ReplicaStatus;
  readonly generation: number;
  readonly revision: number;
  /** The rollout that made it; 0 means none. */
  readonly rollout: number;
  readonly attempt: number;
  readonly reason: string | null;
  readonly nodeId: string;
  readonly nodeName: string;
  /** What says where its ports are reached. */
  readonly nodePlace: NodePlace;
  readonly nodeOnline: boolean;
  readonly nodeDraining: boolean;
  /** The node has been silent for so long that the replica gets a successor elsewhere. */
  readonly nodeLost: boolean;
  readonly superseded: boolean;
  /** Its container has ended well, and its restart policy wants no successor. */
  readonly completed: boolean;
  readonly restart: RestartPolicy;
  /** How often its engine checks its health; null when the engine does not. */
  readonly checkIntervalSeconds: number | null;
  /** What is known of a run of it, perhaps not the present one, where it has a health check. */
  readonly check: { readonly run: string; readonly healthy: boolean | null; readonly reason: string | null } | null;
  /**
   * What its health check says of its present run. Null without a check, and while nothing is known: until its first success it
   * stays `starting`, and only after a restart by hand it may be `running` meanwhile.
   */
  readonly healthy: boolean | null;
  /** It failed because of its engine or node, and not because of what it runs. */
  readonly failedByNode: boolean;
  readonly reserved: boolean;
  /** A router may still send it requests, so its container may not be asked to end. */
  readonly routed: boolean;
  readonly changedAt: Date;
  readonly startedAt: Date | null;
  /** When it was recorded as running; null when it never was. */
  readonly runningAt: Date | null;
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
  /** The engine itself failed, as while it shuts down: that passes, and says nothing about the deployment. */
  readonly passing: boolean;
}

export interface PlanInput {
  readonly deployment: {
    readonly status: DeploymentStatus;
    readonly targetReplicas: number;
    readonly generation: number;
    /** The revision that was last rolled out whole, and the rollout that brought it. */
    readonly revision: number;
    readonly currentRollout: number;
    readonly rollout: PlanRollout | null;
    readonly policy: RolloutPolicy;
    /** Replicas of it write to volumes, so no two of them may run at once. */
    readonly writesVolumes: boolean;
    /** The ports of the containers to which routes lead; none where there is no router. */
    readonly routedPorts: readonly number[];
    /** It has not run yet, and the time is not over in which it waits for what passes by itself. */
    readonly patient: boolean;
  };
  readonly replicas: readonly PlanReplica[];
  readonly views: ReadonlyMap<string, NodeView>;
  /** Why engines refused to start replicas since the last plan. */
  readonly startFailures: ReadonlyMap<string, StartFailure>;
  readonly now: Date;
}

/** The open rollout. `healthyReplicas`: the most new ones that were available at a time. */
export interface PlanRollout extends OpenRollout {
  readonly reason: string | null;
  readonly healthyReplicas: number;
  readonly startedAt: Date;
  readonly deadlineAt: Date;
}

/** What becomes of the open rollout: progress or what it waits for is recorded, or it changes its state, or it is finished. */
export type RolloutStep =
  | { readonly kind: 'progress'; readonly healthyReplicas: number }
  /** In words; null: nothing that can be named. */
  | { readonly kind: 'waits'; readonly words: string | null }
  | {
      readonly kind: 'state';
      readonly state: Extract<RolloutState, 'completed' | 'failed' | 'rolled_back' | 'paused'>;
      readonly why: string;
    }
  | { readonly kind: 'finished' };

export interface PlannedPlacement {
  readonly revision: number;
  readonly rollout: number;
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
  /** Running replicas whose record is outdated, with what their engines show. */
  readonly refresh: readonly ReplicaFacts[];
  /** What starts wait for, in words, where the record says something else. */
  readonly notes: readonly { readonly replicaId: string; readonly words: string }[];
  readonly release: readonly string[];
  readonly supersede: readonly string[];
  /** Suspended containers that the engine shows as ended, which is to be recorded. */
  readonly suspended: readonly Suspension[];
  readonly place: PlannedPlacement | null;
  readonly rollout: RolloutStep | null;
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
  /** When something is due at the latest, whatever fails meanwhile; null when nothing comes about by itself. */
  readonly dueMs: number | null;
}
