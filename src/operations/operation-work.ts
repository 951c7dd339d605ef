import type { RequestContext } from '../common/request-context';
import type { Tx } from '../database/transaction';
import type { ItemOutcome, KnownOperation, LockedOperation } from './operation.types';

/** What one kind of operation does. */
export interface OperationWork {
  /** Outside of any transaction, before each step: what has to be asked of others. Throws RolledBack for an item that fails there. */
  prepare?(operation: KnownOperation): Promise<void>;
  /**
   * Decides about some items, in the transaction that holds the lock of the operation. False when none is pending.
   * Throws RolledBack when what was done must not stay, with what is to be recorded instead.
   */
  step(tx: Tx, operation: LockedOperation, attempt: number): Promise<boolean>;
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

/** The user who asked for it, with the rights that he has now. */
export function contextOf({ userId, username, isAdmin, origin }: KnownOperation): RequestContext {
  const actor = { userId, username, isAdmin, readOnly: false, via: origin.via, credentialId: origin.credentialId };
  return { actor, requestId: origin.requestId, idempotency: null, address: origin.address };
}
