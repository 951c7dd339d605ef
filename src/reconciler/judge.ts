import { wantsReplicas, type DeploymentStatus } from '../deployments/domain/deployment-status';
import type { ReplicaStatus } from '../deployments/domain/replica-status';
import type { ReplicaMove } from '../deployments/replicas.repository';
import type { ObservedWorkload } from '../runtime/runtime-driver';
import { isSuspendedRun, keptWarmUntil } from './keep-warm';
import type { NodeView, Suspension, PlanReplica, StartFailure } from './plan.types';
import { nextAttempt, restartDelaySeconds, START_ATTEMPTS } from './restart-policy';

/** What is to be done about one replica. `status` is the one it has once `move` is written down. */
export interface Judgement {
  readonly replica: PlanReplica;
  readonly status: ReplicaStatus;
  readonly move?: ReplicaMove;
  readonly ensure?: true;
  readonly suspend?: true;
  readonly suspended?: Suspension;
  /** Nothing is to be done before this time. */
  readonly keptUntil?: Date;
  readonly remove?: true;
  readonly release?: true;
  readonly blocked?: string;
  /** Failed in a way that another attempt would repeat. */
  readonly hopeless?: true;
}

/** What a judgement hangs on beside the replica: what the deployment is, and the time. */
interface Circumstances {
  readonly status: DeploymentStatus;
  readonly now: Date;
}

/** Compares what is written of a replica with what its node's engine showed. Pure; the heart of `plan`. */
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
  // What an engine refuses of a kept container says nothing of a new one.
  if (failure) return failed(replica, at, { words: failure.words, workload, hopeless: !failure.retryable && !replica.suspendedRunAt });
  if (!workload || isSuspendedRun(replica, workload)) return { replica, status: 'starting', ensure: true };
  switch (workload.phase) {
    case 'starting':
      // Created, but the order to start it was lost: nobody else will give it again.
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

/** Stopped but kept, with its reservation. What cannot be kept, because it has gone or never ran, leaves like any other. */
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

/** Stopping and failed replicas leave the same way: removed, confirmed gone, released. Only the engine's word counts. */
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

/** A crash loop is visible as such: how often it failed and when the next attempt comes, if there will be one. */
function withOutlook(replica: PlanReplica, words: string, { status, hopeless }: { status: DeploymentStatus; hopeless: boolean }): string {
  const attempt = nextAttempt(replica);
  const delay = restartDelaySeconds(attempt);
  if (delay === 0) return words;
  const givesUp = status === 'scheduled' && (hopeless || attempt >= START_ATTEMPTS);
  return `${words} (failed ${attempt} times in a row${givesUp ? '' : `; next attempt in ${delay} s`})`;
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

/** The judgement of a live replica that is no longer wanted: unstarted ones are stopped, the others asked to stop. */
export function ended(judgement: Judgement, reason: string): Judgement {
  const { replica, status } = judgement;
  if (status !== 'starting' && status !== 'running') return judgement;
  if (replica.status === 'pending') return { replica, ...moved(replica, 'stopped', reason), release: true };
  return { replica, ...moved(replica, 'stopping', reason), remove: true };
}
