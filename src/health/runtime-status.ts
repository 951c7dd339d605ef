/** What the runtime check of /health/ready says. `kind` is `simulated` when nothing really runs. */
export interface RuntimeStatus {
  readonly kind: string;
  readonly reason: string;
  readonly ok: boolean;
}

/** Injection token of a `() => RuntimeStatus`, read at every check; it must answer from memory. */
export const RUNTIME_STATUS = Symbol('RUNTIME_STATUS');
export type ReadRuntimeStatus = () => RuntimeStatus;
