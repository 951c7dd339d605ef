import type { Resources } from '../engines/resources';
import type { NodeStatus } from './node-status.sql';

export const NODE_TYPES = ['edge_device', 'relay_node', 'mixnode', 'compute_node', 'gateway'] as const;
export type NodeType = (typeof NODE_TYPES)[number];

export type NodeRuntime = 'docker' | 'kubernetes' | 'simulated';

/** A live node as the API shows it. */
export interface NodeRecord {
  readonly id: string;
  readonly name: string;
  readonly nodeType: NodeType;
  readonly region: string;
  readonly runtime: NodeRuntime;
  readonly status: NodeStatus;
  readonly cordoned: boolean;
  readonly draining: boolean;
  readonly capacity: Resources;
  readonly reserved: Resources;
  readonly cpuUsagePercent: number;
  readonly memoryUsagePercent: number;
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
  readonly runtime: NodeRuntime;
  readonly endpoint: string | null;
  /** Absent dimensions are the engine's to tell; until it has, they are 0. */
  readonly capacity: Partial<Resources>;
  readonly labels: Readonly<Record<string, string>>;
}

/** Absent members stay as they are. Labels replace the whole map. */
export interface NodeChange {
  readonly nodeType?: NodeType;
  readonly region?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly cordoned?: boolean;
  readonly draining?: boolean;
  readonly capacity: Partial<Resources>;
}

/** A node as placement needs it, without what only the deployment knows. */
export interface NodeCandidate {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  readonly capacity: Resources;
  readonly reserved: Resources;
  readonly cpuUsagePercent: number;
  readonly memoryUsagePercent: number;
  readonly unavailable: string | null;
}

/** What an engine says of its machine. */
export interface EngineReport extends Resources {
  readonly engineId: string;
  readonly cpuUsagePercent: number;
  readonly memoryUsagePercent: number;
}

/** An engine to talk to. `endpoint` null: the engine of this machine. */
export interface SyncTarget {
  readonly id: string;
  readonly name: string;
  readonly runtime: NodeRuntime;
  readonly endpoint: string | null;
  readonly engineId: string | null;
  readonly draining: boolean;
  readonly online: boolean;
}
