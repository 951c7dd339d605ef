import type { ProblemCode } from '../common/problem/catalog';
import type { Problem } from '../common/problem/to-problem';
import type { JsonTime } from '../database/json-time';
import type { TeardownOptions } from '../deletions/teardown-options';

/** How many deployments one operation may have. */
export const MAX_BULK_DEPLOYMENTS = 1_000;

export const OPERATION_STATUSES = ['running', 'waiting_for_confirmation', 'completed', 'failed', 'cancelled'] as const;
export type OperationStatus = (typeof OPERATION_STATUSES)[number];

export const OPERATION_KINDS = ['bulk_delete', 'bulk_restore', 'bulk_deploy'] as const;
export type OperationKind = (typeof OPERATION_KINDS)[number];
/** The operations that a worker carries out. A bulk deploy has ended when it is recorded. */
export type WorkedKind = Exclude<OperationKind, 'bulk_deploy'>;

export const ITEM_STATES = ['pending', 'deleted', 'restored', 'created', 'refused', 'cancelled'] as const;
export type ItemState = (typeof ITEM_STATES)[number];

/** What later work for an operation needs to know of the request that began it. */
export interface Origin {
  readonly requestId: string;
  readonly address: string;
  readonly via: 'session' | 'api_token' | 'external';
  readonly credentialId: string;
}

/** The result for one deployment. */
export interface ItemOutcome {
  readonly deploymentId: string;
  readonly state: Exclude<ItemState, 'pending'>;
  readonly code: ProblemCode | null;
  readonly detail: string | null;
}

/** An operation and the user for whom it works, with what that user may do now. */
export interface KnownOperation {
  readonly id: string;
  readonly kind: OperationKind;
  readonly status: OperationStatus;
  /** How each deployment of a bulk deletion is to be deleted; empty for a restore. */
  readonly options: TeardownOptions;
  readonly origin: Origin;
  readonly allOrNothing: boolean;
  readonly confirmed: boolean;
  readonly userId: string;
  readonly username: string;
  readonly isActive: boolean;
  readonly isAdmin: boolean;
}

/** An operation whose row is locked until the transaction ends. */
export type LockedOperation = KnownOperation;

export interface OperationView {
  readonly id: string;
  readonly kind: OperationKind;
  readonly status: OperationStatus;
  readonly userId: string;
  readonly allOrNothing: boolean;
  readonly reason: string | null;
  readonly total: number;
  readonly pending: number;
  readonly deleted: number;
  readonly restored: number;
  readonly created: number;
  readonly refused: number;
  readonly cancelled: number;
  /** How many of the deleted ones have no containers left and have released all capacity. */
  readonly tornDown: number;
  readonly confirmedBy: string | null;
  readonly confirmedAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly finishedAt: Date | null;
  /** Its job; null unless it is running. */
  readonly work: {
    readonly attempts: number;
    readonly lastError: string | null;
    readonly stuckSince: JsonTime | null;
    readonly nextAttemptAt: JsonTime;
  } | null;
}

export interface ItemView {
  /** Null: a deployment that was not made. */
  readonly deploymentId: string | null;
  /**
   * The name, for deployments that were deleted, restored or made, and for those that were not made: until then an id may belong to
   * another user. Null again after the purge.
   */
  readonly name: string | null;
  readonly state: ItemState;
  readonly code: string | null;
  readonly detail: string | null;
  /** The answer that a single request would have got; null when that would not have been refused, or is not kept. */
  readonly problem: Problem | null;
  readonly deletedAt: Date | null;
  readonly purgeAt: Date | null;
  readonly tornDownAt: Date | null;
}

/** An operation with its deployments, in the order of the request. */
export interface OperationReport {
  readonly operation: OperationView;
  readonly items: readonly ItemView[];
}
