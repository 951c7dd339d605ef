import type { ObservedWorkload } from '../runtime-driver';
import type { AgentState, KnownOrder } from './agent-state';
import type { ReportedWorkload } from './link-messages';

/**
 * What a node has, as its agent reported it, and what is under way there. An order that nothing was reported for yet is shown as a
 * workload that is starting: while the agent may still make it, nobody may take it for absent. What was never ordered says so: its agent
 * does not heal it.
 */
export function observedOf({ workloads, orders }: Pick<AgentState, 'workloads' | 'orders'>): ObservedWorkload[] {
  const shown = new Set(workloads.map(({ replicaId }) => replicaId));
  const ordered = new Set(orders.map(({ replicaId }) => replicaId));
  const present = workloads.map((workload) =>
    ordered.has(workload.replicaId) ? observed(workload) : { ...observed(workload), unordered: true as const },
  );
  return [...present, ...orders.filter((order) => !shown.has(order.replicaId) && isUnderWay(order)).map(underWay)];
}

/** Whether the agent may still make a workload by this order, or by one before it. */
export const isUnderWay = ({ will, acted, ended }: KnownOrder): boolean => !ended && (will === 'absent' || !acted);

function observed(reported: ReportedWorkload): ObservedWorkload {
  const { replicaId, deploymentId, containerId, phase, hasRun, startedAt, upSeconds, exitCode, reason, publishedPorts, origin } = reported;
  return {
    replicaId,
    deploymentId,
    containerId,
    phase,
    hasRun,
    upSeconds,
    exitCode,
    reason,
    publishedPorts,
    startedAt: date(startedAt),
    ...(origin === null ? {} : { origin: { ...origin, createdAt: date(origin.createdAt) } }),
  };
}

const date = (time: string | null): Date | null => (time === null ? null : new Date(time));

const underWay = ({ replicaId, deploymentId }: KnownOrder): ObservedWorkload => ({
  replicaId,
  deploymentId: deploymentId ?? '',
  containerId: replicaId,
  phase: 'starting',
  hasRun: false,
  startedAt: null,
  upSeconds: null,
  exitCode: null,
  reason: null,
  publishedPorts: [],
});
