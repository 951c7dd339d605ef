import type { DeploymentStatus } from '../deployments/domain/deployment-status';
import { gradeOf, type HealthCounts } from '../deployments/domain/health';
import type { RolloutState } from '../deployments/domain/rollout';

export const WAIT_CONDITIONS = ['running', 'healthy', 'rolled_out', 'stopped', 'torn_down'] as const;
export type WaitCondition = (typeof WAIT_CONDITIONS)[number];

/** What one look at a deployment shows of all that can be waited for. */
export interface DeploymentFacts {
  readonly status: DeploymentStatus;
  readonly targetReplicas: number;
  readonly counts: HealthCounts;
  /** The state of the newest rollout; null when there was none. */
  readonly rollout: RolloutState | null;
  /** Replicas that are not confirmed ended, but for those that are kept for a restore. */
  readonly live: number;
  /** Those of them that run another revision than the current one. */
  readonly outdated: number;
  /** Reservations that are open, but for those of replicas that are kept for a restore. */
  readonly reserved: number;
}

/** `never`: it will not become true by itself any more, so waiting for it is over. */
export type Verdict = 'reached' | 'open' | 'never';

/** States of a rollout that has not brought, or will not bring, its revision. */
const IN_VAIN: readonly (RolloutState | null)[] = ['failed', 'rolled_back'];
const UNDER_WAY: readonly (RolloutState | null)[] = ['progressing', 'paused'];
/** States that a deployment leaves only when somebody asks for it. */
const AT_REST: readonly DeploymentStatus[] = ['stopped', 'failed', 'deleted'];

/** Says whether what is waited for is true, may still become true, or never will by itself. */
export function verdictOf(condition: WaitCondition, facts: DeploymentFacts): Verdict {
  if (holds(condition, facts)) return 'reached';
  return isHopeless(condition, facts) ? 'never' : 'open';
}

function holds(condition: WaitCondition, { status, targetReplicas, counts, rollout, live, outdated, reserved }: DeploymentFacts): boolean {
  switch (condition) {
    case 'running':
      return status === 'running';
    case 'healthy':
      return status !== 'deleted' && gradeOf(counts, targetReplicas) === 'healthy';
    case 'rolled_out':
      return status === 'running' && outdated === 0 && !UNDER_WAY.includes(rollout) && !IN_VAIN.includes(rollout);
    case 'stopped':
      return status === 'stopped' && live === 0;
    case 'torn_down':
      return status === 'deleted' && live === 0 && reserved === 0;
  }
}

function isHopeless(condition: WaitCondition, { status, rollout }: DeploymentFacts): boolean {
  switch (condition) {
    case 'running':
    case 'healthy':
      return AT_REST.includes(status);
    case 'rolled_out':
      return AT_REST.includes(status) || IN_VAIN.includes(rollout);
    case 'stopped':
      return status === 'failed' || status === 'deleted';
    case 'torn_down':
      return false;
  }
}
