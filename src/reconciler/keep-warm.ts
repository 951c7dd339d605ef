import type { DeploymentStatus } from '../deployments/domain/deployment-status';
import type { ObservedWorkload } from '../runtime/runtime-driver';
import type { PlanReplica } from './plan.types';

/**
 * Until when the container of a stopping replica is kept for a restore; null: it is not. Only what has run before is worth
 * keeping, only for a deployment that is still deleted, and only on a node that is not being emptied.
 */
export function keptWarmUntil(
  { warmUntil, startedAt, suspendedRunAt, nodeDraining }: PlanReplica,
  { status, now }: { readonly status: DeploymentStatus; readonly now: Date },
): Date | null {
  const isWorthIt = status === 'deleted' && !nodeDraining && (startedAt !== null || suspendedRunAt !== null);
  return isWorthIt && warmUntil !== null && warmUntil > now ? warmUntil : null;
}

/**
 * The run that was suspended has ended, and none has begun since. Both times are the engine's own, so no other clock decides
 * whether a container waits to be started again or has failed after that.
 */
export function isSuspendedRun({ suspendedRunAt }: PlanReplica, { phase, startedAt }: ObservedWorkload): boolean {
  return phase === 'exited' && suspendedRunAt !== null && suspendedRunAt.getTime() === startedAt?.getTime();
}
