import { attemptAfter, restartDelaySeconds } from '../../engines/restart-backoff';
import type { Order } from '../../runtime/agent/link-messages';
import type { ObservedWorkload } from '../../runtime/runtime-driver';
import type { Memory } from '../memory';

/** The run of a container, told apart from others of the same container. `gone`: its container has vanished. */
const runOf = ({ containerId, startedAt }: ObservedWorkload): string => `${containerId} ${startedAt?.toISOString() ?? ''}`;
const GONE = 'gone';

interface Life {
  readonly run: string;
  /** When it was first seen alive, and dead. Times are of one clock that nobody sets. */
  readonly aliveMs: number | null;
  readonly deadMs: number | null;
}

type Marks = Pick<Memory, 'attempts' | 'made' | 'knownEnds'>;

/** Since when replicas run or are dead, as the agent saw it, and when it may start a dead one again by itself. */
export class Lives {
  private readonly lives = new Map<string, Life>();

  /** Takes note of what there is now of the replicas that are to run. */
  look(
    orders: ReadonlyMap<string, Order>,
    workloads: ReadonlyMap<string, ObservedWorkload>,
    { made, nowMs }: { made: Marks['made']; nowMs: number },
  ): void {
    for (const replicaId of this.lives.keys()) if (orders.get(replicaId)?.will !== 'run') this.lives.delete(replicaId);
    for (const [replicaId, { will, version }] of orders) {
      const seen = workloads.get(replicaId);
      if (will !== 'run' || (seen === undefined && made[replicaId] !== version)) continue;
      const before = this.lives.get(replicaId);
      const run = seen === undefined ? GONE : runOf(seen);
      const isDead = seen === undefined || seen.phase === 'exited';
      const known = before?.run === run || (run === GONE && before !== undefined) ? before : null;
      if (known !== null && known.run === run && (known.deadMs !== null) === isDead) continue;
      this.lives.set(replicaId, { run, aliveMs: isDead ? (known?.aliveMs ?? null) : nowMs, deadMs: isDead ? nowMs : null });
    }
  }

  /** The run of a dead replica; null while it lives. */
  endOf(replicaId: string): string | null {
    const life = this.lives.get(replicaId);
    return life?.deadMs == null ? null : life.run;
  }

  /** Which attempt the run is that follows the present one. The agent goes on to count where the control plane was. */
  nextAttempt({ replicaId, attempt = 1 }: Order, attempts: Marks['attempts']): number {
    const { aliveMs = null, deadMs = null } = this.lives.get(replicaId) ?? {};
    return attemptAfter(attempts[replicaId] ?? attempt, aliveMs === null || deadMs === null ? 0 : (deadMs - aliveMs) / 1000);
  }

  /**
   * When each dead replica is due to be started again while the control plane cannot decide: as its restart policy says, after the
   * pauses that the control plane would make. Not those of whose end the control plane knows: it has decided what follows.
   */
  restartsDue(
    orders: ReadonlyMap<string, Order>,
    workloads: ReadonlyMap<string, ObservedWorkload>,
    { attempts, knownEnds }: Marks,
  ): Map<string, number> {
    const due = new Map<string, number>();
    for (const [replicaId, { run, deadMs }] of this.lives) {
      const order = orders.get(replicaId);
      if (deadMs === null || order === undefined || knownEnds[replicaId] === run || !mayRestart(order, workloads.get(replicaId))) continue;
      due.set(replicaId, deadMs + restartDelaySeconds(this.nextAttempt(order, attempts)) * 1000);
    }
    return due;
  }
}

function mayRestart({ spec }: Order, ended: ObservedWorkload | undefined): boolean {
  switch (spec?.restart ?? 'always') {
    case 'always':
      return true;
    case 'on_failure':
      return ended?.exitCode !== 0;
    case 'never':
      return ended !== undefined && !ended.hasRun;
  }
}
