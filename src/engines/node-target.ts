import type { RuntimeKind } from './runtime-kinds';

/** One engine to talk to. `endpoint` is null for the engine of this machine. */
export interface NodeTarget {
  readonly id: string;
  readonly name: string;
  readonly runtime: RuntimeKind;
  readonly endpoint: string | null;
  /** The engine that the node stands for. When another one answers in its place, every call throws `unreachable`. */
  readonly engineId?: string | null;
}

/** The engine of a node that has not been removed. `online`: it has answered lately. */
export interface LiveTarget extends NodeTarget {
  readonly online: boolean;
  readonly draining: boolean;
}
