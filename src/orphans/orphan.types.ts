import type { DeploymentStatus } from '../deployments/domain/deployment-status';
import type { ReplicaStatus } from '../deployments/domain/replica-status';
import type { ContainerSpec } from '../engines/container-spec';
import type { WorkloadPhase } from '../runtime/runtime-driver';

/**
 * `container`: no replica stands for it. `replica`: it should have a container, and its engine shows none. `route`: its deployment
 * is gone.
 */
export const ORPHAN_KINDS = ['container', 'replica', 'route'] as const;
export type OrphanKind = (typeof ORPHAN_KINDS)[number];

/** `reaping`: its removal is decided, and is not confirmed yet. */
export const ORPHAN_STATES = ['found', 'reaping', 'reaped', 'adopted'] as const;
export type OrphanState = (typeof ORPHAN_STATES)[number];

/** What an administrator may do next. `wait`: the control plane removes or replaces it by itself. `by_hand`: it has no labels to go by. */
export const ORPHAN_ADVICE = ['adopt', 'reap', 'wait', 'by_hand'] as const;
export type OrphanAdvice = (typeof ORPHAN_ADVICE)[number];

/** What is known of the deployment that it names. */
export const DEPLOYMENT_KNOWLEDGE = ['live', 'deleted', 'purged', 'unknown'] as const;
export type DeploymentKnowledge = (typeof DEPLOYMENT_KNOWLEDGE)[number];

/** What the engine showed of a container, without what changes at every look. Empty for other kinds. */
export interface OrphanFacts {
  readonly name?: string | null;
  readonly image?: string | null;
  readonly createdAt?: string | null;
  readonly phase?: WorkloadPhase;
  readonly generation?: number | null;
  readonly specDigest?: string | null;
  readonly imageDigest?: string | null;
}

/** An orphan with all that decisions about it depend on, as one statement read it. */
export interface OrphanView {
  readonly id: string;
  readonly kind: OrphanKind;
  readonly subject: string;
  readonly nodeId: string | null;
  readonly nodeName: string | null;
  /** Why the node takes no replicas now, in words; null when it takes them. */
  readonly nodeFault: string | null;
  readonly engineId: string | null;
  readonly replicaId: string | null;
  readonly facts: OrphanFacts;
  readonly state: OrphanState;
  readonly version: number;
  readonly sightings: number;
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
  readonly decidedAt: Date | null;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly endedAt: Date | null;
  /** The status of the replica that it names; null when there is no such replica. */
  readonly replicaStatus: ReplicaStatus | null;
  readonly deploymentId: string | null;
  readonly knowledge: DeploymentKnowledge;
  readonly deployment: OrphansDeployment | null;
}

/** The deployment that an orphan names, where it is known. */
interface OrphansDeployment {
  readonly name: string;
  readonly ownerId: string;
  readonly status: DeploymentStatus;
  readonly generation: number;
  readonly revision: number;
  readonly openRollout: number | null;
  readonly targetReplicas: number;
  /** How many of its replicas run, those that have ended well included. */
  readonly running: number;
  readonly spec: ContainerSpec;
  readonly imageDigest: string | null;
}
