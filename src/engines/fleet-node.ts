import type { LargestMachine, Resources, Usage } from './resources';

/** A node as placement sees it. `unavailable` says in words why it takes no replicas now; null when it takes them. */
export interface FleetNode extends Usage {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  readonly capacity: Resources;
  readonly reserved: Resources;
  /** What is really free on the disk; null or absent when nobody knows. A replica whose storage is larger finds no room. */
  readonly diskFreeGb?: number | null;
  /** What the largest of its machines could give to one replica; null or absent: it is one machine. */
  readonly largestMachine?: LargestMachine | null;
  readonly unavailable: string | null;
  /** False: its engine keeps no volumes. Absent: it does. */
  readonly keepsVolumes?: boolean;
}
