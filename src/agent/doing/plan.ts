import type { Order } from '../../runtime/agent/link-messages';
import type { ObservedWorkload } from '../../runtime/runtime-driver';
import { isUnderstood } from '../orders/understood';

/** What the engine is asked for one replica. `resumeRunAt`: the run after which its container is started again. */
export interface Act {
  readonly kind: 'ensure' | 'restart' | 'suspend' | 'remove';
  readonly order: Order;
  readonly resumeRunAt: Date | null;
  /** Why a restart is made, for its account. */
  readonly words: string | null;
}

/** The orders and all that bears on what follows from them now. Times are of one clock that nobody sets. */
export interface Situation {
  readonly orders: ReadonlyMap<string, Order>;
  readonly workloads: ReadonlyMap<string, ObservedWorkload>;
  /** The acts that are under way, by replica. */
  readonly underWay: ReadonlyMap<string, Act>;
  /** Orders that have failed, by replica: not before `dueMs` again; never again where that is null. */
  readonly failed: ReadonlyMap<string, { readonly version: number; readonly dueMs: number | null }>;
  /** The versions of orders `absent` whose replica the engine has confirmed gone. */
  readonly confirmedGone: ReadonlyMap<string, number>;
  /** The versions of orders to run by which a container was made. */
  readonly made: Readonly<Record<string, number>>;
  /** When a dead replica is started again by the agent itself; absent: it is not. */
  readonly restartDueMs: ReadonlyMap<string, number>;
  /** The control plane has refused this machine: what runs goes on, and nothing is started, as it may run elsewhere. */
  readonly isRefused: boolean;
  /** There are orders that have not come yet: one of them may end what has to go before something that is ordered already starts. */
  readonly isBehind: boolean;
  readonly nowMs: number;
}

export interface Plan {
  /** To be begun now, in this order. */
  readonly begin: readonly Act[];
  /** Replicas whose act under way does not serve the newest order. */
  readonly abort: readonly string[];
  /** The orders that are carried out, by replica: nothing is left to do for them. */
  readonly settled: ReadonlyMap<string, number>;
  /** When something becomes due by itself; null: nothing does. */
  readonly nextMs: number | null;
}

const LIMITS = { away: 16, ensure: 8 } as const;

/**
 * What to ask of the engine now. Pure, and the same for the same situation, so a crash at any point costs nothing but time. What has
 * to go goes first: no replica is started while an older generation of its deployment is still on its way out.
 */
export function plan(situation: Situation): Plan {
  const { orders, underWay, failed, nowMs } = situation;
  const settled = new Map<string, number>();
  const abort: string[] = [];
  const wanted: Act[] = [];
  const dues: number[] = [];
  for (const [replicaId, order] of orders) {
    const busy = underWay.get(replicaId);
    if (!isUnderstood(order)) {
      if (busy !== undefined) abort.push(replicaId);
      continue;
    }
    if (busy !== undefined) {
      if (!serves(busy, order) || (situation.isRefused && !leaves(busy))) abort.push(replicaId);
      continue;
    }
    const next = nextAct(order, situation);
    if (next === null) settled.set(replicaId, order.version);
    else if (typeof next === 'number') dues.push(next);
    else wanted.push(next);
  }
  const due = wanted.filter(({ order }) => {
    const failure = failed.get(order.replicaId);
    if (failure?.version !== order.version) return true;
    if (failure.dueMs !== null && failure.dueMs > nowMs) dues.push(failure.dueMs);
    return failure.dueMs !== null && failure.dueMs <= nowMs;
  });
  return {
    begin: withinLimits(allowedOf(due, situation), situation),
    abort,
    settled,
    nextMs: dues.length === 0 ? null : Math.min(...dues),
  };
}

/** Whether the act does what the order says: an order that was only given again does not end a pull that takes minutes. */
const serves = (act: Act, order: Order): boolean =>
  act.order.version === order.version || JSON.stringify({ ...act.order, version: 0 }) === JSON.stringify({ ...order, version: 0 });

/** Null: nothing is left to do for the order. A number: something is, but not before. */
function nextAct(order: Order, { workloads, confirmedGone, made, restartDueMs, nowMs }: Situation): Act | number | null {
  const seen = workloads.get(order.replicaId);
  const act = (kind: Act['kind'], resumeRunAt: Date | null = null, words: string | null = null): Act => ({
    kind,
    order,
    resumeRunAt,
    words,
  });
  switch (order.will) {
    case 'absent':
      return seen === undefined && confirmedGone.get(order.replicaId) === order.version ? null : act('remove');
    case 'suspend':
      return seen === undefined || !runs(seen) ? null : act('suspend');
    case 'run': {
      const restart = (words: string, runAt: Date | null): Act | number | null => {
        const dueMs = restartDueMs.get(order.replicaId);
        if (dueMs === undefined) return null;
        return dueMs > nowMs ? dueMs : act('restart', runAt, words);
      };
      if (seen === undefined) return made[order.replicaId] === order.version ? restart('Its container was gone', null) : act('ensure');
      if (seen.phase === 'starting' && !seen.hasRun) return act('ensure');
      if (seen.phase !== 'exited') return null;
      const resume = order.resumeRunAt === null ? null : new Date(order.resumeRunAt);
      if (resume !== null && seen.startedAt?.getTime() === resume.getTime()) return act('ensure', resume);
      return restart(seen.reason ?? 'It had ended', seen.startedAt);
    }
  }
}

/** A container that has been created and not started has nothing to stop. */
const runs = ({ phase, hasRun }: ObservedWorkload): boolean => phase !== 'exited' && (hasRun || phase !== 'starting');

const leaves = ({ kind }: Act): boolean => kind === 'remove' || kind === 'suspend';

/** What was made by an order before is healed also while orders are missing. */
function allowedOf(due: readonly Act[], { isRefused, isBehind }: Situation): readonly Act[] {
  if (isRefused) return due.filter(leaves);
  return isBehind ? due.filter(({ kind }) => kind !== 'ensure') : due;
}

/**
 * No container is made before all that is to go has begun to, and starts wait for the older generations of their deployment to be gone. What
 * the engine has failed to remove holds up only its own deployment, and what has died is healed meanwhile.
 */
function withinLimits(due: readonly Act[], { orders, workloads, underWay, failed }: Situation): Act[] {
  const busy = [...underWay.values()];
  const toGo = due.filter(leaves);
  const leaving = toGo.slice(0, Math.max(0, LIMITS.away - busy.filter(leaves).length));
  const isNew = ({ order }: Act): boolean => failed.get(order.replicaId)?.version !== order.version;
  const isCrowded = toGo.slice(leaving.length).some(isNew);
  const oldest = oldestLeaving(orders, workloads);
  const starting = due
    .filter((act) => !leaves(act) && (!isCrowded || act.kind === 'restart'))
    .filter(({ order: { spec } }) => spec !== null && spec.generation <= (oldest.get(spec.deploymentId) ?? Infinity))
    .slice(0, Math.max(0, LIMITS.ensure - busy.filter((act) => !leaves(act)).length));
  return [...leaving, ...starting];
}

/** Of each deployment the oldest generation of which something is to go, or to stop, and is still there. */
function oldestLeaving(orders: ReadonlyMap<string, Order>, workloads: ReadonlyMap<string, ObservedWorkload>): Map<string, number> {
  const oldest = new Map<string, number>();
  for (const [replicaId, order] of orders) {
    const seen = workloads.get(replicaId);
    const { will } = order;
    if (will === 'run' || !isUnderstood(order) || seen === undefined || !(will === 'absent' ? seen.phase !== 'exited' : runs(seen)))
      continue;
    const generation = seen.origin?.generation ?? 0;
    oldest.set(seen.deploymentId, Math.min(generation, oldest.get(seen.deploymentId) ?? Infinity));
  }
  return oldest;
}
