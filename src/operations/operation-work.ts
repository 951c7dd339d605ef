import type { AuditEntry } from '../audit/audit';
import type { Tx } from '../database/transaction';
import type { JobWish } from '../jobs/job-kinds';
import type { BrakeWords } from './brake';
import type { ItemOutcome, KnownOperation, LockedOperation } from './operation.types';

/** The result of a step. The caller of the step records it. */
export type Step =
  /** Some deployments were decided, with audit rows and jobs for what was done to them. */
  | {
      readonly kind: 'decided';
      readonly outcomes: readonly ItemOutcome[];
      readonly audit: readonly AuditEntry[];
      readonly jobs: readonly JobWish[];
    }
  | { readonly kind: 'nothing_pending' };

/** What one kind of operation does. */
export interface OperationWork {
  /**
   * Asks other systems what has to be known, before each step and outside of any transaction. Throws RolledBack for an
   * item that fails there.
   */
  prepare?(operation: KnownOperation): Promise<void>;
  /**
   * Decides some items, in the transaction that holds the lock of the operation. `attempt` counts from 1. Throws
   * RolledBack, with what to record instead, or Braked when the transaction must be rolled back.
   */
  step(tx: Tx, operation: LockedOperation, attempt: number): Promise<Step>;
}

/** Rolls a step back, and carries what to record instead. `end`: why this ends the operation, in words. */
export class RolledBack extends Error {
  constructor(
    readonly outcomes: readonly ItemOutcome[],
    readonly end: string | null,
  ) {
    super('The step was rolled back');
  }
}

/** Rolls a step back because an administrator has to confirm the operation first. */
export class Braked extends Error {
  constructor(readonly words: BrakeWords) {
    super(words.forUser);
  }
}
