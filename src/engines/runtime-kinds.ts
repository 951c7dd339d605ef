/** Every kind of engine that a node may have, as the check `ck_nodes_runtime` of the database allows. */
export const RUNTIME_KINDS = ['docker', 'kubernetes', 'simulated'] as const;
export type RuntimeKind = (typeof RUNTIME_KINDS)[number];

/** The kinds that have a driver, so that their nodes can be registered. There is no driver for Kubernetes yet. */
export const DRIVEN_KINDS = ['docker', 'simulated'] as const satisfies readonly RuntimeKind[];
export type DrivenKind = (typeof DRIVEN_KINDS)[number];

/** How one kind of engine differs from others, for the code that handles nodes of all kinds. */
export interface EngineTraits {
  /** The engine runs nothing really. A simulation never serves beside real engines. */
  readonly isSimulation: boolean;
  /** A registration has to name the address of the engine; otherwise there is none to name. */
  readonly needsEndpoint: boolean;
  /** The engine reports the capacity of its node; otherwise the registration has to name it. */
  readonly tellsCapacity: boolean;
  /** A node stands for the one engine that answered first: it keeps that engine's id, and no other node may have the same. */
  readonly hasIdentity: boolean;
}

/**
 * The traits of each kind with a driver. They are in this room, below the drivers, because the registration of nodes needs
 * them.
 */
export const ENGINE_TRAITS: Readonly<Record<DrivenKind, EngineTraits>> = {
  docker: { isSimulation: false, needsEndpoint: true, tellsCapacity: true, hasIdentity: true },
  simulated: { isSimulation: true, needsEndpoint: false, tellsCapacity: false, hasIdentity: false },
};
