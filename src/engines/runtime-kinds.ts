/** Every kind of engine that a node may have, as the check `ck_nodes_runtime` of the database allows them. */
export const RUNTIME_KINDS = ['docker', 'kubernetes', 'simulated'] as const;
export type RuntimeKind = (typeof RUNTIME_KINDS)[number];
