import type { EngineIsolation } from '../engines/engine-isolation';
import type { LargestMachine, Resources, Usage } from '../engines/resources';
import type { DrivenKind, RuntimeKind } from '../engines/runtime-kinds';
import type { NodeStatus } from './node-status.sql';

export const NODE_TYPES = ['edge_device', 'relay_node', 'mixnode', 'compute_node', 'gateway'] as const;
export type NodeType = (typeof NODE_TYPES)[number];

/** In place of the name of an OCI runtime: the engine chooses. */
export const ENGINE_CHOOSES = 'default';

/** A live node as the API shows it. */
export interface NodeRecord extends Usage {
  readonly id: string;
  readonly name: string;
  readonly nodeType: NodeType;
  readonly region: string;
  readonly runtime: RuntimeKind;
  readonly status: NodeStatus;
  readonly cordoned: boolean;
  readonly draining: boolean;
  readonly capacity: Resources;
  readonly reserved: Resources;
  readonly diskFreeGb: number | null;
  /** What others have left of the largest of several machines; null for one machine, and while it is not known. */
  readonly largestMachine: LargestMachine | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly registeredAt: Date;
  readonly lastHeartbeat: Date | null;
  readonly endpoint: string | null;
  /** As an administrator has set it; null: what follows from the endpoint (`reachedAt`). */
  readonly address: string | null;
  readonly lastError: string | null;
  /** Null: as configured. */
  readonly lostAfterSeconds: number | null;
  /** Null: the engine's own choice. */
  readonly ociRuntime: string | null;
  /** Null before the engine has answered, and for an engine that runs nothing. */
  readonly isolation: EngineIsolation | null;
  /** Null for a node of another kind than Kubernetes. */
  readonly cluster: ClusterPlace | null;
}

/** Which part of which namespace of a cluster a node is. */
export interface ClusterPlace {
  readonly namespace: string;
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** What is made for routes: Ingresses of this class, */
  readonly ingressClass: string | null;
  /** or HTTPRoutes for this Gateway, `namespace/name`. At most one of the two. */
  readonly gateway: string | null;
}

/** How the cluster of a Kubernetes node is reached. */
export interface NewCluster extends ClusterPlace {
  /** A kubeconfig, or `IN_CLUSTER`. */
  readonly kubeconfig: string;
}

/** The machine behind a node of kind `agent`, as it describes itself. */
export interface JoinedMachine {
  readonly hostname: string;
  readonly machineId: string;
  readonly platform: string;
  readonly programVersion: string;
  /** Of its engine and of the machine itself, as hellos have told them first; absent or null: none has. */
  readonly engineId?: string | null;
  readonly hostId?: string | null;
}

/** Another machine that came with the key of a node. */
export interface Intruder {
  readonly hostname: string;
  readonly address: string;
  /** ISO 8601. */
  readonly at: string;
  /** The start of the agent that was linked meanwhile, as its hellos say. Null: it was refused for another reason. */
  readonly beside: string | null;
}

/** What makes a machine the one of its node. Only now is the token itself known. */
export interface OpenedJoin {
  readonly token: string;
  readonly command: string;
  readonly expiresAt: Date;
}

/** A node that was just registered. `join`: null where no machine has to join. */
export interface RegisteredNode {
  readonly node: NodeRecord;
  readonly join: OpenedJoin | null;
}

export interface NewNode {
  readonly name: string;
  readonly nodeType: NodeType;
  readonly region: string;
  readonly runtime: DrivenKind;
  readonly endpoint: string | null;
  readonly address: string | null;
  /** Dimensions that are left out are reported by the engine; until then they are 0. */
  readonly capacity: Partial<Resources>;
  readonly labels: Readonly<Record<string, string>>;
  /** The OCI runtime of new containers, or `ENGINE_CHOOSES`. */
  readonly ociRuntime: string;
  /** The members that a cluster needs, as far as they were named. */
  readonly cluster: Partial<NewCluster>;
}

/** Members that are left out stay as they are. Labels replace the whole map. */
export interface NodeChange {
  readonly nodeType?: NodeType;
  readonly region?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly cordoned?: boolean;
  readonly draining?: boolean;
  readonly capacity: Partial<Resources>;
  readonly ociRuntime?: string;
  /** Null: as configured. */
  readonly lostAfterSeconds?: number | null;
  /** Null takes back what was set. */
  readonly address?: string | null;
  /** A kubeconfig in place of the one before, or `IN_CLUSTER`. */
  readonly kubeconfig?: string;
  /** Null: none is made any more. */
  readonly ingressClass?: string | null;
  readonly gateway?: string | null;
}
