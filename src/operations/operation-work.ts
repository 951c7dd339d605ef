import type { AuditEntry } from '../audit/audit';
import type { Tx } from '../database/transaction';
import type { JobWish } from '../jobs/job-kinds';
import type { ItemOutcome, KnownOperation, LockedOperation } from './operation.types';

/** What a step has come to. Whoever asked for the step records it. */
export type Step =
  /** Some deployments were decided. What was done to them leaves rows in the audit log and jobs. */
  | {
      readonly kind: 'decided';
      readonly outcomes: readonly ItemOutcome[];
      readonly audit: readonly AuditEntry[];
      readonly jobs: readonly JobWish[];
    }
  /** An administrator has to confirm first; `reason` says why, in words. */
  | { readonly kind: 'must_wait'; readonly reason: string }
  | { readonly kind: 'nothing_pending' };

/** What one kind of operation does. */
export interface OperationWork {
  /** Outside of any transaction, before each step: what has to be asked of others. Throws RolledBack for an item that fails there. */
  prepare?(operation: KnownOperation): Promise<void>;
  /**
   * Decides about some items, in the transaction that holds the lock of the operation. `attempt` counts from 1.
   * Throws RolledBack when what was done must not stay, with what is to be recorded instead.
   */
  step(tx: Tx, operation: LockedOperation, attempt: number): Promise<Step>;
}

/** Rolls a step back and carries what to record in its place; `end` says in words why the operation ends with it. */
export class RolledBack extends Error {
  constructor(
    readonly outcomes: readonly ItemOutcome[],
    readonly end: string | null,
  ) {
    super('The step was rolled back');
  }
}
