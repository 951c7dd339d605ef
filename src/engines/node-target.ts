import type { RuntimeKind } from './runtime-kinds';

/** The engine of a node, as drivers address it. `endpoint` is null for the engine of this machine. */
export interface NodeTarget {
  readonly id: string;
  readonly name: string;
  readonly runtime: RuntimeKind;
  readonly endpoint: string | null;
  /** The engine that the node stands for. When another engine answers at the endpoint, every call throws `unreachable`. */
  readonly engineId?: string | null;
  /** The OCI runtime that new containers run under; null or absent: the engine's own choice. */
  readonly ociRuntime?: string | null;
}

/** The engine of a node that has not been removed. `online`: it has answered lately. */
export interface LiveTarget extends NodeTarget {
  readonly online: boolean;
  readonly draining: boolean;
  /** It has been silent for so long that its replicas are replaced elsewhere. */
  readonly lost: boolean;
  /** Something on it was seen that has lost its other half, and may still be there. Absent: nothing was. */
  readonly hasOrphans?: boolean;
}
