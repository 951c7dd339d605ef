/** Every kind of engine that a node may have, as the check `ck_nodes_runtime` of the database allows. */
export const RUNTIME_KINDS = ['docker', 'kubernetes', 'agent', 'simulated'] as const;
export type RuntimeKind = (typeof RUNTIME_KINDS)[number];

/** The kinds that have a driver, so that their nodes can be registered. */
export const DRIVEN_KINDS = ['docker', 'kubernetes', 'agent', 'simulated'] as const satisfies readonly RuntimeKind[];
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
  /** The engine is a cluster of machines, reached by a kubeconfig. */
  readonly isCluster: boolean;
  /** The engine is reached through a program on its machine that dials us, and joins once with a token. */
  readonly joins: boolean;
  /** The engine itself makes health checks by http and tcp; otherwise they are made from outside, at published ports. */
  readonly checksPorts: boolean;
  /** It keeps volumes for replicas. */
  readonly keepsVolumes: boolean;
  /** Its list is of one moment and complete, so what is missing there need not be looked for by itself. */
  readonly listIsProof: boolean;
}

/**
 * The traits of each kind with a driver. They are in this room, below the drivers, because the registration of nodes needs
 * them.
 */
export const ENGINE_TRAITS: Readonly<Record<DrivenKind, EngineTraits>> = {
  docker: {
    isSimulation: false,
    needsEndpoint: true,
    tellsCapacity: true,
    hasIdentity: true,
    isCluster: false,
    joins: false,
    checksPorts: false,
    keepsVolumes: true,
    listIsProof: false,
  },
  kubernetes: {
    isSimulation: false,
    needsEndpoint: false,
    tellsCapacity: true,
    hasIdentity: true,
    isCluster: true,
    joins: false,
    checksPorts: true,
    keepsVolumes: true,
    listIsProof: true,
  },
  // What a machine has reported is one moment of it, whole, and orders that are under way are shown beside it.
  agent: {
    isSimulation: false,
    needsEndpoint: false,
    tellsCapacity: true,
    hasIdentity: true,
    isCluster: false,
    joins: true,
    checksPorts: true,
    keepsVolumes: false,
    listIsProof: true,
  },
  simulated: {
    isSimulation: true,
    needsEndpoint: false,
    tellsCapacity: false,
    hasIdentity: false,
    isCluster: false,
    joins: false,
    checksPorts: true,
    keepsVolumes: true,
    listIsProof: false,
  },
};
