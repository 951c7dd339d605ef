import type { NetworkCheck } from '../engines/container-spec';

/** What of a replica's run the prober needs to know: the check, and the address and port of its engine that lead to the container. */
export interface StoredProbe {
  readonly check: NetworkCheck;
  /** Null when the engine has published no port for it. */
  readonly published: { readonly hostIp: string; readonly hostPort: number } | null;
}

/** One run of a replica that is to be probed, as the records have it. */
export interface ProbeTarget {
  readonly replicaId: string;
  readonly ownerId: string;
  readonly nodeId: string;
  readonly run: string;
  readonly probe: StoredProbe;
  readonly address: string | null;
  readonly endpoint: string | null;
  readonly healthy: boolean | null;
  readonly reason: string | null;
  /** How long ago this run was first seen. */
  readonly seenMsAgo: number;
}
