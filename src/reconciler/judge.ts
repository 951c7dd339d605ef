import { wantsReplicas, type DeploymentStatus } from '../deployments/domain/deployment-status';
import type { ReplicaStatus } from '../deployments/domain/replica-status';
import type { ReplicaFacts, ReplicaMove } from '../deployments/replicas.repository';
import { restartDelaySeconds } from '../engines/restart-backoff';
import type { ObservedWorkload } from '../runtime/runtime-driver';
import { isSuspendedRun, keptWarmUntil } from './keep-warm';
import type { NodeView, PlanInput, PlanReplica, StartFailure, Suspension } from './plan.types';
import { endsStart, nextAttempt } from './restart-policy';
import { isOutdated } from './runs';

/** A shorter wait for the first health check needs no words. */
const WORTH_A_NOTE_SECONDS = 20;

/** What is to be done about one replica. `status` is the replica's status once `move` has been recorded. */
export interface Judgement {
  readonly replica: PlanReplica;
  readonly status: ReplicaStatus;
  readonly move?: ReplicaMove;
  /** The replica stays as it is, but its engine shows other facts than are recorded. */
  readonly refresh?: ReplicaFacts;
  readonly ensure?: true;
  readonly suspend?: true;
  readonly suspended?: Suspension;
  /** The container stays suspended, and nothing is to be done, before this time. */
  readonly keptUntil?: Date;
  readonly remove?: true;
  /** It is to end once no router sends it anything and what it answers is over. */
  readonly drains?: true;
  readonly release?: true;
  /** What a start waits for, in words for people. */
  readonly note?: string | undefined;
  readonly blocked?: string;
  /** Its container may come back by itself within moments, and counts as running until then. */
  readonly returns?: true;
  /** The replica failed in a way that another attempt would repeat. */
  readonly hopeless?: true;
}

/** What else a judgement depends on: the deployment, and the time. */
interface Circumstances extends Pick<PlanInput['deployment'], 'status' | 'patient'> {
  /** The replica is one that a rollout is bringing: its failures end the rollout. */
  readonly isRolledOut?: boolean;
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
    return failed(replica, at, { words: `Node ${replica.nodeName} went offline before the replica had started`, byNode: true });
  }
  const workload = view.workloads.get(replica.id);
  // That an engine refuses to start a suspended container again does not mean that it would refuse a new one.
  if (failure) {
    const hopeless = !failure.retryable && !replica.suspendedRunAt;
    return failed(replica, at, { words: failure.words, workload, hopeless, byNode: failure.passing });
  }
  if (!workload || isSuspendedRun(replica, workload)) return { replica, status: 'starting', ensure: true };
  switch (workload.phase) {
    case 'starting':
      // The container was created, but the worker that should have started it is gone, so it has to be asked for again.
      return {
        replica,
        status: 'starting',
        ...(workload.hasRun ? { note: workload.reason ?? firstCheckWords(replica) } : { ensure: true }),
      };
    case 'paused':
      return { replica, status: 'starting', note: 'Paused on its node before it was ready' };
    case 'running':
      return { replica, ...moved(replica, 'running', null, workload), ...orderedOnce(workload) };
    case 'unhealthy':
    case 'exited':
      return judgeEnded(replica, workload, at);
  }
}

/** The engine waits for an interval before it checks for the first time, which looks like a start that hangs. */
function firstCheckWords({ checkIntervalSeconds }: PlanReplica): string | undefined {
  return checkIntervalSeconds === null || checkIntervalSeconds < WORTH_A_NOTE_SECONDS
    ? undefined
    : `Started; its first health check comes ${checkIntervalSeconds} s after the start, and until then it does not count as running`;
}

function judgeRunning(replica: PlanReplica, view: NodeView | undefined, at: Circumstances): Judgement {
  if (!view?.reachable) return { replica, status: 'running' };
  const workload = view.workloads.get(replica.id);
  if (!workload) return failed(replica, at, { words: 'The container has vanished from its node' });
  if (workload.phase === 'running' || workload.phase === 'starting' || workload.phase === 'paused') {
    const refresh = isOutdated(workload, replica) ? { refresh: factsOf(replica, workload) } : {};
    return { replica, status: 'running', ...refresh, ...orderedOnce(workload) };
  }
  // A restart by hand is no failure. If nothing comes back, the next look judges.
  if (workload.justKilled === true) return { replica, status: 'running', returns: true };
  return judgeEnded(replica, workload, at);
}

/** What runs without an order, as it was adopted, is ordered: its machine keeps it running while nobody reaches it. */
const orderedOnce = ({ unordered }: ObservedWorkload): Pick<Judgement, 'ensure'> => (unordered === true ? { ensure: true } : {});

/** A replica that ends well and needs no successor is stopped like any other; all others have failed. */
function judgeEnded(replica: PlanReplica, workload: ObservedWorkload, at: Circumstances): Judgement {
  const endedWell = workload.phase === 'exited' && workload.hasRun && workload.exitCode === 0;
  if (!endedWell || replica.restart === 'always') {
    return failed(replica, at, { words: workload.reason ?? 'Ended without a reason', workload });
  }
  const { status, move } = moved(replica, 'stopping', 'Ended well, with exit code 0', workload);
  return { replica, status, move: { ...move, completed: true }, remove: true };
}

/**
 * A suspended replica keeps its container and its reservation. If the container has gone, or never ran, the replica ends as
 * usual.
 */
function judgeKept(replica: PlanReplica, view: NodeView | undefined, keptUntil: Date): Judgement {
  const kept: Judgement = { replica, status: 'stopping', keptUntil };
  if (!view?.reachable) return replica.suspendedAt ? kept : { replica, status: 'stopping', blocked: view?.words };
  const workload = view.workloads.get(replica.id);
  if (!workload?.hasRun) return judgeLeaving(replica, view, 'stopping');
  if (workload.phase !== 'exited' || !workload.startedAt)
    return { replica, status: 'stopping', ...whenDrained(replica, { suspend: true }) };
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
  const workload = view.workloads.get(replica.id);
  if (workload?.outOfReach) {
    // As on a node that does not answer, its successor does not wait for its end.
    return { replica, status, remove: true, blocked: workload.reason ?? 'Its machine does not answer' };
  }
  if (workload) return { replica, status, ...whenDrained(replica, { remove: true }, workload) };
  return status === 'failed'
    ? { replica, status, release: true }
    : { replica, ...moved(replica, 'stopped', replica.reason), release: true };
}

interface Failure {
  readonly words: string;
  readonly workload?: ObservedWorkload | undefined;
  readonly hopeless?: boolean;
  readonly byNode?: boolean;
}

function failed(replica: PlanReplica, at: Circumstances, { words, workload, hopeless = false, byNode = false }: Failure): Judgement {
  const reason = withOutlook({ ...replica, changedAt: at.now }, words, { ...at, hopeless, byNode });
  const { status, move } = moved(replica, 'failed', reason, workload);
  return {
    replica,
    status,
    move: byNode ? { ...move, failedByNode: true } : move,
    ...(workload ? whenDrained(replica, { remove: true }, workload) : {}),
    ...(hopeless ? { hopeless } : {}),
  };
}

/**
 * Adds to the reason of a failure how often the replica has failed and when it is replaced, so that people can see a crash
 * loop.
 */
function withOutlook(replica: PlanReplica, words: string, at: Circumstances & Required<Pick<Failure, 'hopeless' | 'byNode'>>): string {
  const attempt = nextAttempt(replica);
  const delay = restartDelaySeconds(attempt);
  if (delay === 0 || (replica.restart === 'never' && replica.startedAt !== null)) return words;
  const isLastAttempt = (at.status === 'scheduled' || at.isRolledOut === true) && endsStart({ ...at, attempts: attempt }, at);
  return `${words} (failed ${attempt} times in a row${isLastAttempt ? '' : `; next attempt in ${delay} s`})`;
}

function factsOf(replica: PlanReplica, { startedAt, publishedPorts, phase }: ObservedWorkload): ReplicaFacts {
  return { replicaId: replica.id, startedAt, published: publishedPorts, paused: phase === 'paused' };
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
  return { replica, ...moved(replica, 'stopping', reason), ...whenDrained(replica, { remove: true }) };
}

/** What ends a container waits until no router sends it anything any more, unless it has ended by itself. */
function whenDrained(
  { routed }: PlanReplica,
  end: Pick<Judgement, 'remove' | 'suspend'>,
  workload?: ObservedWorkload,
): Pick<Judgement, 'remove' | 'suspend' | 'drains'> {
  return routed && workload?.phase !== 'exited' ? { drains: true } : end;
}
