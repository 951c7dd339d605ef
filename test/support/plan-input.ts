import type { NodeView, PlanInput, PlanReplica } from '../../src/reconciler/plan.types';
import type { ObservedWorkload, WorkloadPhase } from '../../src/runtime/runtime-driver';

export const NOW = new Date('2026-01-31T12:00:00.000Z');

export const secondsAgo = (seconds: number): Date => new Date(NOW.getTime() - seconds * 1000);

/** A replica as it is recorded: placed a minute ago on the online node `n1`, with its reservation. */
export const aReplica = (id: string, over: Partial<PlanReplica> = {}): PlanReplica => {
  const nodeId = over.nodeId ?? 'n1';
  return {
    id,
    status: 'running',
    generation: 1,
    revision: 1,
    attempt: 0,
    reason: null,
    nodeId,
    nodeName: `node-${nodeId}`,
    nodeOnline: true,
    nodeDraining: false,
    superseded: false,
    reserved: true,
    changedAt: secondsAgo(60),
    startedAt: null,
    warmUntil: null,
    suspendedAt: null,
    suspendedRunAt: null,
    ...over,
  };
};

export const aWorkload = (replicaId: string, phase: WorkloadPhase, over: Partial<ObservedWorkload> = {}): ObservedWorkload => ({
  replicaId,
  deploymentId: 'd1',
  containerId: `container-${replicaId}`,
  phase,
  startedAt: secondsAgo(30),
  exitCode: null,
  reason: phase === 'exited' ? 'Exited with code 1' : null,
  publishedPorts: [],
  ...over,
});

/** The view of a node that answers and has these workloads. */
export const showing = (...workloads: readonly (readonly [string, WorkloadPhase])[]): NodeView => ({
  reachable: true,
  workloads: new Map(workloads.map(([id, phase]) => [id, aWorkload(id, phase)])),
});

export const silent = (words = 'Node node-n1 does not answer'): NodeView => ({ reachable: false, words });

/** A running deployment that wants as many replicas as are listed; nothing runs on `n1`. */
export const aPlanInput = (
  over: Partial<Omit<PlanInput, 'views' | 'deployment'>> & {
    deployment?: Partial<PlanInput['deployment']>;
    views?: Readonly<Record<string, NodeView>>;
  } = {},
): PlanInput => ({
  replicas: [],
  startFailures: new Map(),
  now: NOW,
  ...over,
  views: new Map(Object.entries(over.views ?? { n1: showing() })),
  deployment: { status: 'running', targetReplicas: over.replicas?.length ?? 1, generation: 1, revision: 1, ...over.deployment },
});
