import { wantsReplicas, type DeploymentStatus } from '../deployments/domain/deployment-status';
import type { ReplicaStatus } from '../deployments/domain/replica-status';
import type { ReplicaMove } from '../deployments/replicas.repository';
import type { ObservedWorkload } from '../runtime/runtime-driver';
import { isSuspendedRun, keptWarmUntil } from './keep-warm';
import type { NodeView, Suspension, PlanReplica, StartFailure } from './plan.types';
import { nextAttempt, restartDelaySeconds, START_ATTEMPTS } from './restart-policy';

/** What is to be done about one replica. `status` is the replica's status once `move` has been recorded. */
export interface Judgement {
  readonly replica: PlanReplica;
  readonly status: ReplicaStatus;
  readonly move?: ReplicaMove;
  readonly ensure?: true;
  readonly suspend?: true;
  readonly suspended?: Suspension;
  /** The container stays suspended, and nothing is to be done, before this time. */
  readonly keptUntil?: Date;
  readonly remove?: true;
  readonly release?: true;
  readonly blocked?: string;
  /** The replica failed in a way that another attempt would repeat. */
  readonly hopeless?: true;
}

/** What else a judgement depends on: the status of the deployment, and the time. */
interface Circumstances {
  readonly status: DeploymentStatus;
  readonly now: Date;
}

/**
 * Compares the record of a replica with what its node's engine showed, and says what is to be done. Pure; `plan` builds on it.
 */
export function judge(
  replica: PlanReplica,
  view: NodeView | undefined,
  { failure, ...at }: Circumstances & { readonly failure: StartFailure | undefined },
): Judgement {
  switch (replica.status) {
    case 'pending':
      return judgePending(replica, at.status);
    case 'starting':
      return judgeStarting(replica, view, failure, at);
    case 'running':
      return judgeRunning(replica, view, at);
    case 'stopping': {
      const keptUntil = keptWarmUntil(replica, at);
      return keptUntil ? judgeKept(replica, view, keptUntil) : judgeLeaving(replica, view, 'stopping');
    }
    case 'failed':
      return replica.reserved ? judgeLeaving(replica, view, 'failed') : { replica, status: 'failed' };
    case 'stopped':
      return { replica, status: 'stopped' };
  }
}

function judgePending(replica: PlanReplica, status: DeploymentStatus): Judgement {
  if (wantsReplicas(status)) return { replica, ...moved(replica, 'starting', 'Starting'), ensure: true };
  return { replica, ...moved(replica, 'stopped', `Deployment is ${status}`), release: true };
}

function judgeStarting(replica: PlanReplica, view: NodeView | undefined, failure: StartFailure | undefined, at: Circumstances): Judgement {
  if (!view?.reachable) {
    if (replica.nodeOnline) return { replica, status: 'starting', blocked: view?.words };
    return failed(replica, at, { words: `Node ${replica.nodeName} went offline before the replica had started` });
  }
  const workload = view.workloads.get(replica.id);
  // That an engine refuses to start a suspended container again does not mean that it would refuse a new one.
  if (failure) return failed(replica, at, { words: failure.words, workload, hopeless: !failure.retryable && !replica.suspendedRunAt });
  if (!workload || isSuspendedRun(replica, workload)) return { replica, status: 'starting', ensure: true };
  switch (workload.phase) {
    case 'starting':
      // The container was created, but the worker that should have started it is gone, so it has to be asked for again.
      return { replica, status: 'starting', ...(workload.startedAt ? {} : { ensure: true }) };
    case 'running':
      return { replica, ...moved(replica, 'running', null, workload) };
    case 'unhealthy':
    case 'exited':
      return failed(replica, at, { words: workload.reason ?? 'Ended without a reason', workload });
  }
}

function judgeRunning(replica: PlanReplica, view: NodeView | undefined, at: Circumstances): Judgement {
  if (!view?.reachable) return { replica, status: 'running' };
  const workload = view.workloads.get(replica.id);
  if (!workload) return failed(replica, at, { words: 'The container has vanished from its node' });
  if (workload.phase === 'running' || workload.phase === 'starting') return { replica, status: 'running' };
  return failed(replica, at, { words: workload.reason ?? 'Ended without a reason', workload });
}

/**
 * A suspended replica keeps its container and its reservation. If the container has gone, or never ran, the replica ends as
 * usual.
 */
function judgeKept(replica: PlanReplica, view: NodeView | undefined, keptUntil: Date): Judgement {
  const kept: Judgement = { replica, status: 'stopping', keptUntil };
  if (!view?.reachable) return replica.suspendedAt ? kept : { replica, status: 'stopping', blocked: view?.words };
  const workload = view.workloads.get(replica.id);
  if (!workload?.startedAt) return judgeLeaving(replica, view, 'stopping');
  if (workload.phase !== 'exited') return { replica, status: 'stopping', suspend: true };
  return replica.suspendedAt && isSuspendedRun(replica, workload)
    ? kept
    : { ...kept, suspended: { replicaId: replica.id, runAt: workload.startedAt } };
}

/**
 * Stopping and failed replicas end alike: the container is removed, the engine confirms that it is gone, the reservation is
 * released.
 */
function judgeLeaving(replica: PlanReplica, view: NodeView | undefined, status: 'stopping' | 'failed'): Judgement {
  if (!view?.reachable) return { replica, status, blocked: view?.words };
  if (view.workloads.has(replica.id)) return { replica, status, remove: true };
  return status === 'failed'
    ? { replica, status, release: true }
    : { replica, ...moved(replica, 'stopped', replica.reason), release: true };
}

interface Failure {
  readonly words: string;
  readonly workload?: ObservedWorkload | undefined;
  readonly hopeless?: boolean;
}

function failed(replica: PlanReplica, at: Circumstances, { words, workload, hopeless = false }: Failure): Judgement {
  const reason = withOutlook({ ...replica, changedAt: at.now }, words, { ...at, hopeless });
  return {
    replica,
    ...moved(replica, 'failed', reason, workload),
    ...(workload ? { remove: true } : {}),
    ...(hopeless ? { hopeless } : {}),
  };
}

/**
 * Adds to the reason of a failure how often the replica has failed and when it is replaced, so that people can see a crash
 * loop.
 */
function withOutlook(replica: PlanReplica, words: string, { status, hopeless }: { status: DeploymentStatus; hopeless: boolean }): string {
  const attempt = nextAttempt(replica);
  const delay = restartDelaySeconds(attempt);
  if (delay === 0) return words;
  const isLastAttempt = status === 'scheduled' && (hopeless || attempt >= START_ATTEMPTS);
  return `${words} (failed ${attempt} times in a row${isLastAttempt ? '' : `; next attempt in ${delay} s`})`;
}

function moved(
  replica: PlanReplica,
  to: ReplicaStatus,
  reason: string | null,
  workload?: ObservedWorkload,
): { status: ReplicaStatus; move: ReplicaMove } {
  const seen = workload && {
    containerId: workload.containerId,
    ...(workload.startedAt ? { startedAt: workload.startedAt } : {}),
    ...(to === 'running' ? { published: workload.publishedPorts } : {}),
  };
  return { status: to, move: { replicaId: replica.id, from: replica.status, to, reason, ...seen } };
}

/**
 * Ends a live replica that is no longer wanted. One that no engine knows is `stopped` at once, any other becomes `stopping`.
 */
export function ended(judgement: Judgement, reason: string): Judgement {
  const { replica, status } = judgement;
  if (status !== 'starting' && status !== 'running') return judgement;
  if (replica.status === 'pending') return { replica, ...moved(replica, 'stopped', reason), release: true };
  return { replica, ...moved(replica, 'stopping', reason), remove: true };
}
