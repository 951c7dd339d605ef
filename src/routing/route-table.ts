/** The address of a replica of the simulated runtime, which nothing can reach. */
export const SIMULATED_ADDRESS = 'simulated';

/** A host and a path that lead to a port of a deployment's containers. Both are canonical. */
export interface Route {
  readonly host: string;
  /** `/`, or a path without a final slash. */
  readonly pathPrefix: string;
  readonly port: number;
}

/** A replica that may answer requests. */
export interface Backend {
  readonly replicaId: string;
  /** By the port of the container, where it is reached: `10.0.0.7:32768`, or `SIMULATED_ADDRESS`. */
  readonly ports: Readonly<Record<string, string>>;
}

/** A replica that gets no new requests since a change of the table. */
export interface LeavingBackend {
  readonly replicaId: string;
  /** ISO 8601. */
  readonly since: string;
  /** The transaction that took it out. */
  readonly outIn: number;
}

/** All routes of one deployment and all replicas that answer for them: what a balancer serves, whole. */
export interface RouteTable {
  readonly deploymentId: string;
  /** Counted by the database. Of two tables of a deployment the one with the higher version holds. */
  readonly version: number;
  readonly routes: readonly Route[];
  readonly backends: readonly Backend[];
  /** The replicas that left lately and have not ended yet: they get no new requests. */
  readonly leaving: readonly string[];
}
