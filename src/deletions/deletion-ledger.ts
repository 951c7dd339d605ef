import type { ReplicaStatus } from '../deployments/domain/replica-status';

export const LEDGER_STEPS = ['remove_route', 'drain', 'stop', 'confirm', 'release', 'notify'] as const;
export const STEP_STATES = ['pending', 'running', 'waiting', 'done', 'skipped', 'given_up'] as const;
export const LEDGER_STATES = ['running', 'waiting', 'held', 'done', 'restored'] as const;

/** A replica that the deletion had to end, in its present state. */
export interface LedgerReplica {
  readonly id: string;
  readonly nodeId: string;
  readonly nodeName: string;
  readonly online: boolean;
  readonly status: ReplicaStatus;
  readonly publishedPorts: number;
  readonly warmUntil: string | null;
  readonly suspendedAt: string | null;
  readonly stoppedAt: string | null;
  readonly forceReleasedAt: string | null;
  readonly releasedAt: string | null;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly retryAt: string | null;
}

/** What became of the routes that a deletion took away. */
interface RouteRemoval {
  readonly routes: number;
  /** How many routers do not serve the change yet, and why in words if one of them says so. */
  readonly routersBehind: number;
  readonly words: string | null;
  /** How many replicas still answer requests, or may still get one. */
  readonly draining: number;
}

/** What is recorded of a deletion. Times are ISO 8601. */
export interface LedgerFacts {
  readonly graceSeconds: number;
  readonly completedAt: string | null;
  readonly restoredAt: string | null;
  readonly replicas: readonly LedgerReplica[];
  /** Null for a deployment that never had routes. */
  readonly routing: RouteRemoval | null;
  /** The deployment's background work, while there is some. */
  readonly work: { readonly lastError: string | null; readonly failingSince: string | null; readonly dueAt: string } | null;
}

export interface LedgerStep {
  readonly step: (typeof LEDGER_STEPS)[number];
  readonly state: (typeof STEP_STATES)[number];
  /** Null for a step of the whole deployment. */
  readonly replica: Pick<LedgerReplica, 'id' | 'nodeId' | 'nodeName'> | null;
  /** What the state means here, in words. */
  readonly detail: string;
  /** How many attempts of an engine call failed. */
  readonly attempts: number;
  readonly lastError: string | null;
  readonly nextRetryAt: string | null;
  /** When the step was done, or its replica was force-released. */
  readonly at: string | null;
}

export interface Ledger {
  readonly state: (typeof LEDGER_STATES)[number];
  /** Since when the deletion makes no progress; null when it does or is over. */
  readonly stuckSince: string | null;
  /** The names of nodes that do not answer and still have something to end. */
  readonly waitingForNodes: readonly string[];
  readonly steps: readonly LedgerStep[];
}

/**
 * Derives the steps from what is recorded anyway: nothing is stored twice, so the ledger cannot contradict the status. Pure.
 */
export function ledgerOf(facts: LedgerFacts): Ledger {
  const open = facts.replicas.filter((replica) => replica.releasedAt === null);
  const over = facts.completedAt !== null || facts.restoredAt !== null;
  const waitingForNodes = over ? [] : [...new Set(open.filter(({ online }) => !online).map(({ nodeName }) => nodeName))];
  return {
    state: stateOf(facts, open, waitingForNodes),
    stuckSince: over ? null : (facts.work?.failingSince ?? null),
    waitingForNodes,
    steps: [
      removeRoute(facts),
      drain(facts),
      ...facts.replicas.flatMap((replica) => [stop(replica, facts.work), confirm(replica), release(replica)]),
      notify(facts),
    ],
  };
}

function stateOf(facts: LedgerFacts, open: readonly LedgerReplica[], waitingForNodes: readonly string[]): Ledger['state'] {
  if (facts.restoredAt !== null) return 'restored';
  if (facts.completedAt !== null) return 'done';
  if (waitingForNodes.length > 0) return 'waiting';
  return open.length > 0 && open.every(isSuspended) ? 'held' : 'running';
}

type Outcome = Pick<LedgerStep, 'state' | 'detail'> & Partial<LedgerStep>;

const line = (step: LedgerStep['step'], replica: LedgerReplica | null, outcome: Outcome): LedgerStep => ({
  step,
  replica: replica && { id: replica.id, nodeId: replica.nodeId, nodeName: replica.nodeName },
  attempts: 0,
  lastError: null,
  nextRetryAt: null,
  at: null,
  ...outcome,
});

const isSuspended = ({ status, suspendedAt }: LedgerReplica): boolean => status === 'stopping' && suspendedAt !== null;
const isGone = ({ status, releasedAt }: LedgerReplica): boolean => status === 'stopped' || releasedAt !== null;
/** The container no longer runs, or its replica was force-released, so that no more will be learned about it. */
const isEnded = (replica: LedgerReplica): boolean => isGone(replica) || isSuspended(replica) || replica.forceReleasedAt !== null;

function removeRoute({ replicas, routing, completedAt, restoredAt }: LedgerFacts): LedgerStep {
  if (routing && routing.routes > 0) {
    const detail = `${routing.routes} routes were taken away`;
    if (routing.routersBehind === 0 || completedAt !== null || restoredAt !== null)
      return line('remove_route', null, { state: 'done', detail });
    const lastError = routing.words;
    return line('remove_route', null, {
      state: 'running',
      detail: `${detail}; ${routing.routersBehind} routers still have them`,
      lastError,
    });
  }
  const ports = replicas.reduce((sum, { publishedPorts }) => sum + publishedPorts, 0);
  const detail = ports === 0 ? 'Nothing was published' : `${ports} published ports close with their containers; there are no other routes`;
  return line('remove_route', null, { state: 'skipped', detail });
}

function drain({ graceSeconds, replicas, routing, completedAt }: LedgerFacts): LedgerStep {
  if (graceSeconds === 0) return line('drain', null, { state: 'skipped', detail: 'No grace was given' });
  if (replicas.length === 0) return line('drain', null, { state: 'skipped', detail: 'Nothing was running' });
  if (routing && routing.draining > 0 && completedAt === null) {
    return line('drain', null, { state: 'running', detail: `${routing.draining} replicas end the requests that they have` });
  }
  const detail = `Containers get ${graceSeconds} s to end by themselves`;
  return line('drain', null, { state: replicas.every(isEnded) ? 'done' : 'running', detail });
}

function stop(replica: LedgerReplica, work: LedgerFacts['work']): LedgerStep {
  const { attempts, lastError, forceReleasedAt, stoppedAt, suspendedAt } = replica;
  if (forceReleasedAt !== null)
    return line('stop', replica, { state: 'given_up', detail: FORCE_RELEASED, attempts, lastError, at: forceReleasedAt });
  if (isGone(replica)) return line('stop', replica, { state: 'done', detail: 'It runs no more', attempts, at: stoppedAt });
  if (isSuspended(replica))
    return line('stop', replica, { state: 'done', detail: 'Stopped; the container is kept', attempts, at: suspendedAt });
  const nextRetryAt = replica.retryAt ?? (work?.lastError ? work.dueAt : null);
  const trouble = { attempts, lastError: lastError ?? work?.lastError ?? null, nextRetryAt };
  if (!replica.online) return line('stop', replica, { state: 'waiting', detail: `Node ${replica.nodeName} does not answer`, ...trouble });
  if (attempts > 0)
    return line('stop', replica, { state: 'waiting', detail: 'The engine could not end it; it is asked again', ...trouble });
  return line('stop', replica, { state: 'running', detail: 'The engine is asked to end it', ...trouble });
}

function confirm(replica: LedgerReplica): LedgerStep {
  if (replica.forceReleasedAt !== null)
    return line('confirm', replica, { state: 'given_up', detail: UNCONFIRMED, at: replica.forceReleasedAt });
  if (isGone(replica)) return line('confirm', replica, { state: 'done', detail: 'The engine knows it no more', at: replica.stoppedAt });
  if (isSuspended(replica)) return line('confirm', replica, { state: 'waiting', detail: keptUntil(replica) });
  return line('confirm', replica, { state: 'pending', detail: 'Waits for the stop' });
}

function release(replica: LedgerReplica): LedgerStep {
  if (replica.releasedAt !== null)
    return line('release', replica, { state: 'done', detail: 'Its capacity is free', at: replica.releasedAt });
  if (isSuspended(replica)) return line('release', replica, { state: 'waiting', detail: keptUntil(replica) });
  return line('release', replica, { state: 'pending', detail: 'Waits for the confirmation' });
}

function notify({ completedAt, restoredAt }: LedgerFacts): LedgerStep {
  if (completedAt !== null) return line('notify', null, { state: 'done', detail: 'The event of the end is in the feed', at: completedAt });
  if (restoredAt !== null) return line('notify', null, { state: 'skipped', detail: 'The deployment was restored before the end' });
  return line('notify', null, { state: 'pending', detail: 'Waits for all releases' });
}

const FORCE_RELEASED = 'Given up by an administrator: the node did not answer';
const UNCONFIRMED = 'Nobody has confirmed it; should the node return, the container is removed';
const keptUntil = ({ warmUntil }: LedgerReplica): string => `Kept for a restore until ${warmUntil ?? 'now'}`;
