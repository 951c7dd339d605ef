/** Every kind of engine that a node may have, as the check `ck_nodes_runtime` of the database allows them. */
export const RUNTIME_KINDS = ['docker', 'kubernetes', 'simulated'] as const;
export type RuntimeKind = (typeof RUNTIME_KINDS)[number];

/** The kinds that have a driver, so that their nodes can be registered. Nobody has written a driver for Kubernetes yet. */
export const DRIVEN_KINDS = ['docker', 'simulated'] as const satisfies readonly RuntimeKind[];
export type DrivenKind = (typeof DRIVEN_KINDS)[number];

/** What sets one kind of engine apart, for the code that looks after nodes of all kinds. */
export interface EngineTraits {
  /** Nothing really runs. A simulation never serves beside engines that run something. */
  readonly isSimulation: boolean;
  /** Whoever registers a node gives the address of its engine. Otherwise there is no address to give. */
  readonly needsEndpoint: boolean;
  /** The engine tells the capacity of its node. Otherwise whoever registers the node does. */
  readonly tellsCapacity: boolean;
  /** A node stands for the one engine that answered first: it keeps that engine's id, and no other node may have the same. */
  readonly hasIdentity: boolean;
}

/** The traits of each kind with a driver. They stand below the drivers because registering a node asks for them too. */
export const ENGINE_TRAITS: Readonly<Record<DrivenKind, EngineTraits>> = {
  docker: { isSimulation: false, needsEndpoint: true, tellsCapacity: true, hasIdentity: true },
  simulated: { isSimulation: true, needsEndpoint: false, tellsCapacity: false, hasIdentity: false },
};
