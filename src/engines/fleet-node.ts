import type { Resources, Usage } from './resources';

/** A node as placement sees it. `unavailable` says in words why it takes no replicas now; null when it takes them. */
export interface FleetNode extends Usage {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  readonly capacity: Resources;
  readonly reserved: Resources;
  readonly unavailable: string | null;
}
