import type { Resources, Usage } from '../engines/resources';
import type { DrivenKind, RuntimeKind } from '../engines/runtime-kinds';
import type { NodeStatus } from './node-status.sql';

export const NODE_TYPES = ['edge_device', 'relay_node', 'mixnode', 'compute_node', 'gateway'] as const;
export type NodeType = (typeof NODE_TYPES)[number];

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
  readonly labels: Readonly<Record<string, string>>;
  readonly registeredAt: Date;
  readonly lastHeartbeat: Date | null;
  readonly endpoint: string | null;
  readonly lastError: string | null;
}

export interface NewNode {
  readonly name: string;
  readonly nodeType: NodeType;
  readonly region: string;
  readonly runtime: DrivenKind;
  readonly endpoint: string | null;
  /** Dimensions that are left out are reported by the engine; until then they are 0. */
  readonly capacity: Partial<Resources>;
  readonly labels: Readonly<Record<string, string>>;
}

/** Members that are left out stay as they are. Labels replace the whole map. */
export interface NodeChange {
  readonly nodeType?: NodeType;
  readonly region?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly cordoned?: boolean;
  readonly draining?: boolean;
  readonly capacity: Partial<Resources>;
}
