import { DEFAULT_ROLLOUT_POLICY } from '../../src/deployments/domain/rollout';
import type { NodeView, PlanInput, PlanReplica, PlanRollout } from '../../src/reconciler/plan.types';
import type { ObservedWorkload, WorkloadPhase } from '../../src/runtime/runtime-driver';

export const NOW = new Date('2026-01-31T12:00:00.000Z');

export const secondsAgo = (seconds: number): Date => new Date(NOW.getTime() - seconds * 1000);

/** When the run began that is recorded and shown, by the clock of the engine. */
export const RUN_AT = secondsAgo(30);

/** The first rollout, of the second revision, which began a minute ago and has ten more. */
export const aRollout = (over: Partial<PlanRollout> = {}): PlanRollout => ({
  number: 1,
  revision: 2,
  fromRevision: 1,
  state: 'progressing',
  reason: null,
  healthyReplicas: 0,
  startedAt: secondsAgo(60),
  deadlineAt: secondsAgo(-600),
  ...over,
});

/** A replica as it is recorded: placed a minute ago on the online node `n1`, with its reservation. */
export const aReplica = (id: string, over: Partial<PlanReplica> = {}): PlanReplica => {
  const nodeId = over.nodeId ?? 'n1';
  return {
    id,
    status: 'running',
    generation: 1,
    revision: 1,
    rollout: 0,
    attempt: 0,
    reason: null,
    nodeId,
    nodeName: `node-${nodeId}`,
    nodePlace: { address: null, endpoint: null, runtime: 'docker' },
    nodeOnline: true,
    nodeDraining: false,
    nodeLost: false,
    superseded: false,
    failedByNode: false,
    completed: false,
    restart: 'always',
    checkIntervalSeconds: null,
    check: null,
    healthy: null,
    reserved: true,
    routed: false,
    changedAt: secondsAgo(60),
    startedAt: null,
    startedSecondsAgo: null,
    runningAt: null,
    runAt: RUN_AT,
    paused: false,
    published: [],
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
  startedAt: RUN_AT,
  hasRun: over.startedAt !== null,
  upSeconds: null,
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
  deployment: {
    status: 'running',
    targetReplicas: over.replicas?.length ?? 1,
    generation: 1,
    revision: 1,
    currentRollout: 0,
    writesVolumes: false,
    routedPorts: [],
    rollout: null,
    policy: DEFAULT_ROLLOUT_POLICY,
    patient: true,
    ...over.deployment,
  },
});
