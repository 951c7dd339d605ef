import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../jobs/backoff';
import { DriverError } from '../runtime/runtime-driver';
import { gatherMs } from './gathering';
import type { StartFailure, StopFailure } from './plan.types';

type CallKind = 'start' | 'suspend' | 'remove';

interface Call {
  readonly kind: CallKind;
  readonly abort: AbortController;
  readonly begunAt: number;
  readonly ended: Promise<void>;
}

/** A call for a replica that failed: why, how many times in a row, and when the next attempt is due. */
interface Vain {
  readonly kind: CallKind;
  readonly words: string;
  readonly attempts: number;
  readonly retryAt: number;
}

/**
 * The engine calls that one run of the reconciler has under way, at most one per replica. A slow call (a pull, a container that
 * does not stop) does not keep the run from working on the other replicas. A call that failed is made again after a back-off,
 * by this run if it lasts that long, otherwise by the next one.
 */
export class EngineCalls {
  private readonly logger = new Logger(EngineCalls.name);
  private readonly calls = new Map<string, Call>();
  /** Every start under way, including one that was aborted and that a remove of the same replica waits for. */
  private readonly starts = new Map<Call, string>();
  private readonly failed = new Map<string, Vain>();
  private readonly blocked = new Map<string, Vain>();
  private readonly removed = new Set<string>();
  private startFailures = new Map<string, StartFailure>();
  private stopFailures = new Map<string, StopFailure>();
  private changedAt: number;

  /** `now` is in milliseconds; only differences between its values count. */
  constructor(
    private readonly signal: AbortSignal,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.changedAt = now();
    // One listener for all calls: a run may make hundreds of them.
    signal.addEventListener('abort', this.abortAll, { once: true });
  }

  get running(): boolean {
    return this.calls.size > 0;
  }

  /** How long no call has begun or ended. */
  get quietMs(): number {
    return this.now() - this.changedAt;
  }

  /** How long until the first failed call is due again. */
  get retryMs(): number {
    const times = [...this.failed.values(), ...this.blocked.values()].map(({ retryAt }) => retryAt - this.now());
    return Math.max(0, Math.min(...times));
  }

  /** The words of the calls that have failed and will be made again. */
  get problems(): readonly string[] {
    return [...new Set([...this.failed.values()].map(({ words }) => words))];
  }

  /**
   * Returns each failure to stop or remove a replica once, with the words of the latest one. `unstoppable` are replicas whose
   * engine cannot even be asked; each counts as another failure whenever the next attempt would be due.
   */
  takeStopFailures(unstoppable: readonly StopFailure[]): readonly StopFailure[] {
    const due = unstoppable.filter(({ replicaId }) => (this.blocked.get(replicaId)?.retryAt ?? 0) <= this.now());
    for (const { replicaId, words } of due) this.blocked.set(replicaId, this.inVain('remove', words, this.blocked.get(replicaId)));
    const taken = [...due, ...this.stopFailures.values()];
    this.stopFailures = new Map();
    return taken;
  }

  /** True while the call runs, or after it failed until its next attempt is due. */
  isBusy(kind: CallKind, replicaId: string): boolean {
    const failed = this.failed.get(replicaId);
    return this.calls.get(replicaId)?.kind === kind || (failed?.kind === kind && this.now() < failed.retryAt);
  }

  /** True once a removal has ended well, which proves that the replica has no workload, and nothing was begun for it since. */
  hasRemoved(replicaId: string): boolean {
    return this.removed.has(replicaId);
  }

  /** Begins `work` for the replica, once the replica's other call, if there is one, has been aborted and has ended. */
  begin(kind: CallKind, replicaId: string, work: (signal: AbortSignal) => Promise<void>): void {
    const previous = this.calls.get(replicaId);
    previous?.abort.abort();
    if (this.failed.get(replicaId)?.kind !== kind) this.failed.delete(replicaId);
    this.changedAt = this.now();
    this.removed.delete(replicaId);
    const abort = new AbortController();
    if (this.signal.aborted) abort.abort();
    const ended = (previous?.ended ?? Promise.resolve())
      .then(() => work(abort.signal))
      .then(
        () => {
          this.failed.delete(replicaId);
          if (kind === 'remove') this.removed.add(replicaId);
        },
        (error: unknown) => this.fail(kind, replicaId, error),
      )
      .finally(() => {
        this.changedAt = this.now();
        if (this.calls.get(replicaId) === call) this.calls.delete(replicaId);
        this.starts.delete(call);
      });
    const call: Call = { kind, abort, begunAt: this.changedAt, ended };
    this.calls.set(replicaId, call);
    if (kind === 'start') this.starts.set(call, replicaId);
  }

  /**
   * Aborts the starts of replicas that are no longer wanted and waits until they have ended. Until then a container may still
   * be created, so its absence would prove nothing.
   */
  async keepStarts(isWanted: (replicaId: string) => boolean): Promise<void> {
    const unwanted = [...this.starts].filter(([, replicaId]) => !isWanted(replicaId)).map(([call]) => call);
    for (const call of unwanted) call.abort.abort();
    await Promise.all(unwanted.map((call) => call.ended));
  }

  /** The starts that failed since the last time this was called; aborted ones do not count. */
  takeStartFailures(): ReadonlyMap<string, StartFailure> {
    const taken = this.startFailures;
    this.startFailures = new Map();
    return taken;
  }

  /** Puts failures back that could not be recorded. */
  restoreStartFailures(failures: ReadonlyMap<string, StartFailure>): void {
    this.startFailures = new Map([...failures, ...this.startFailures]);
  }

  /**
   * Resolves when a call has ended, and waits a little for others: calls often end together, and looking again after each costs
   * more.
   */
  async next(): Promise<void> {
    const first = await Promise.race([...this.calls.values()].map((call) => call.ended.then(() => call)));
    if (this.calls.size === 0) return;
    const others = [...this.calls.values()].map((call) => call.ended);
    // By the time of this call, not of all since the first: in a rollout, where one begins when another ends, waits would grow.
    await Promise.race([Promise.all(others), sleep(gatherMs(this.now() - first.begunAt, others.length))]);
  }

  /** Aborts all calls and resolves when they have ended. */
  async close(): Promise<void> {
    this.signal.removeEventListener('abort', this.abortAll);
    this.abortAll();
    await Promise.all([...this.calls.values()].map((call) => call.ended));
  }

  private readonly abortAll = (): void => {
    for (const call of this.calls.values()) call.abort.abort();
  };

  private fail(kind: CallKind, replicaId: string, error: unknown): void {
    if (error instanceof DriverError && error.failure === 'aborted') return;
    if (!(error instanceof DriverError))
      this.logger.error(`${kind} of replica ${replicaId}`, error instanceof Error ? error.stack : String(error));
    const words = error instanceof DriverError ? error.message : `${kind} failed; the log of the worker says why`;
    if (kind === 'start' && error instanceof DriverError && error.failure !== 'unreachable') {
      this.startFailures.set(replicaId, { words, retryable: error.retryable, passing: error.failure === 'timeout' });
      return;
    }
    this.failed.set(replicaId, this.inVain(kind, words, this.failed.get(replicaId)));
    if (kind !== 'start') this.stopFailures.set(replicaId, { replicaId, words });
  }

  private inVain(kind: CallKind, words: string, before: Vain | undefined): Vain {
    const attempts = (before?.attempts ?? 0) + 1;
    return { kind, words, attempts, retryAt: this.now() + backoffMs(attempts, Math.random()) };
  }
}
