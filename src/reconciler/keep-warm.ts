import type { DeploymentStatus } from '../deployments/domain/deployment-status';
import type { ObservedWorkload } from '../runtime/runtime-driver';
import type { PlanReplica } from './plan.types';

/**
 * Until when the container of a stopping replica is kept for a restore; null when it is not kept. It is kept only if it has
 * run, the deployment is still deleted, and the node does not drain.
 */
export function keptWarmUntil(
  { warmUntil, startedAt, suspendedRunAt, nodeDraining }: PlanReplica,
  { status, now }: { readonly status: DeploymentStatus; readonly now: Date },
): Date | null {
  const isWorthIt = status === 'deleted' && !nodeDraining && (startedAt !== null || suspendedRunAt !== null);
  return isWorthIt && warmUntil !== null && warmUntil > now ? warmUntil : null;
}

/**
 * True when the workload shows the run that was suspended, ended, and no later one. Both times come from the engine's clock, so
 * clocks that differ cannot make a suspended container look like one that has failed after its restore.
 */
export function isSuspendedRun({ suspendedRunAt }: PlanReplica, { phase, startedAt }: ObservedWorkload): boolean {
  return phase === 'exited' && suspendedRunAt !== null && suspendedRunAt.getTime() === startedAt?.getTime();
}
