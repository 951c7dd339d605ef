import type { NodeTarget } from '../engines/node-target';

/** What an engine is to have for one deployment beside its workloads, so that these are reached and not all ended at once. */
export interface Entrance {
  readonly deploymentId: string;
  /** As in the spec of its workloads: its project. */
  readonly ownerId: string;
  /** Its tcp ports. */
  readonly ports: readonly number[];
  readonly routes: readonly { readonly host: string; readonly pathPrefix: string; readonly port: number }[];
  /** The replicas on this node that answer. All others get no new requests. */
  readonly members: readonly string[];
  /** So many replicas on this node the engine is to keep when it ends some by itself. */
  readonly keep: number;
}

/** What an engine shows after it was asked. */
export interface ShownEntrances {
  /** By deployment, in words, what is not yet as wanted. */
  readonly behind: ReadonlyMap<string, string>;
  /** The replicas to which the engine still sends new requests. */
  readonly served: ReadonlySet<string>;
}

/** An engine that itself leads requests to workloads, such as a cluster with its Services. */
export interface Entrances {
  /**
   * Makes what the engine has equal to what `wanted` gives, and reads it back. `wanted` is called after the engine was first looked
   * at, and nothing is changed that has changed since that look: so of two callers at once the one with older wishes changes nothing
   * that the other one has made. Twice the same changes nothing. Throws a DriverError when the engine cannot be asked.
   */
  bring(target: NodeTarget, wanted: () => Promise<readonly Entrance[]>, signal: AbortSignal): Promise<ShownEntrances>;
}
