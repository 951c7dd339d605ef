import type { DeploymentStatus } from '../deployments/domain/deployment-status';
import type { RolloutDto } from '../deployments/dto/rollout.dto';
import type { DeploymentSpec } from '../deployments/spec/deployment-spec';

export const CHANGE_RESULTS = ['created', 'rolling_out', 'updated', 'unchanged'] as const;
/** `rolling_out`: there is a new revision. `updated`: only what is beside the revisions has changed. */
export type ChangeResult = (typeof CHANGE_RESULTS)[number];

/** Everything that a user wants of a deployment, as one body says it. */
export interface Wanted {
  readonly spec: DeploymentSpec;
  /** Null: no protection. */
  readonly protectionReason: string | null;
}

/** What a change has decided. */
export interface Changed {
  readonly id: string;
  readonly result: ChangeResult;
  readonly status: DeploymentStatus;
  /** The revision that is wanted from now on. */
  readonly revision: number;
  readonly rollout: RolloutDto | null;
  readonly message: string;
}
