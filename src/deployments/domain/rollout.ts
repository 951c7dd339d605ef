export const ROLLOUT_STATES = ['progressing', 'paused', 'completed', 'failed', 'rolled_back', 'superseded'] as const;
export type RolloutState = (typeof ROLLOUT_STATES)[number];

/** What happens to a rollout that fails by itself. */
export const ROLLOUT_FAILURE_ACTIONS = ['rollback', 'pause'] as const;
export type RolloutFailureAction = (typeof ROLLOUT_FAILURE_ACTIONS)[number];

/** How a deployment goes from one revision to the next. `maxSurge` and `maxUnavailable` are numbers of replicas, and not both 0. */
export interface RolloutPolicy {
  /** How many replicas more than wanted there may be meanwhile. */
  readonly maxSurge: number;
  /** How many of the wanted replicas may be missing meanwhile. */
  readonly maxUnavailable: number;
  /** For how long a new replica must have run before it counts. */
  readonly minHealthySeconds: number;
  /** A rollout that makes no progress for so long ends as `onFailure` says. */
  readonly progressDeadlineSeconds: number;
  readonly onFailure: RolloutFailureAction;
}

export const DEFAULT_ROLLOUT_POLICY: RolloutPolicy = {
  maxSurge: 1,
  maxUnavailable: 0,
  minHealthySeconds: 5,
  progressDeadlineSeconds: 600,
  onFailure: 'rollback',
};

/** The policy that a deployment stores, completed by the defaults. */
export const rolloutPolicyOf = (stored: Partial<RolloutPolicy>): RolloutPolicy => ({ ...DEFAULT_ROLLOUT_POLICY, ...stored });

/** A rollout that is not finished: it goes on, is paused, or has failed and the replicas of before it are coming back. */
export interface OpenRollout {
  readonly number: number;
  readonly revision: number;
  readonly fromRevision: number;
  readonly state: Extract<RolloutState, 'progressing' | 'paused' | 'failed' | 'rolled_back'>;
}

/** True while the replicas of this rollout are to take the place of the others; false on the way back. */
export const goesForward = ({ state }: Pick<OpenRollout, 'state'>): boolean => state === 'progressing' || state === 'paused';
