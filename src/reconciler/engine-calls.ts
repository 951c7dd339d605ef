import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../jobs/backoff';
import { DriverError } from '../runtime/runtime-driver';
import type { StartFailure, StopFailure } from './plan.types';

type CallKind = 'start' | 'suspend' | 'remove';

const GATHER_MS = 10;

interface Call {
  readonly kind: CallKind;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

/** What happened to a replica in vain, how often in a row, and when it is time for the next attempt. */
interface Vain {
  readonly kind: CallKind;
  readonly words: string;
  readonly attempts: number;
  readonly retryAt: number;
}

/**
 * The engine calls that one run of the reconciler has in flight, at most one per replica. A slow one (a pull, a stubborn
 * container) does not keep the run from seeing to the others. What failed for now is tried again after a back-off, if the
 * run lasts as long as that; otherwise by the next run.
 */
export class EngineCalls {
  private readonly logger = new Logger(EngineCalls.name);
  private readonly calls = new Map<string, Call>();
  /** Also those that a remove of the same replica waits for. */
  private readonly starts = new Map<Call, string>();
  private readonly failed = new Map<string, Vain>();
  private readonly blocked = new Map<string, Vain>();
  private startFailures = new Map<string, StartFailure>();
  private stopFailures = new Map<string, StopFailure>();
  private changedAt: number;

  /** `now` in milliseconds; only differences count. */
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

  /** For how long no call has begun or ended. */
  get quietMs(): number {
    return this.now() - this.changedAt;
  }

  /** Until the first of those that failed is tried again. */
  get retryMs(): number {
    const times = [...this.failed.values(), ...this.blocked.values()].map(({ retryAt }) => retryAt - this.now());
    return Math.max(0, Math.min(...times));
  }

  /** In words, the calls that failed and will be made again later. */
  get problems(): readonly string[] {
    return [...new Set([...this.failed.values()].map(({ words }) => words))];
  }

  /**
   * Each failure to stop or remove a replica, once, with the words of the last one. `unstoppable` are those that cannot even
   * be asked for, which counts as another failure whenever it would be time to ask.
   */
  takeStopFailures(unstoppable: readonly StopFailure[]): readonly StopFailure[] {
    const due = unstoppable.filter(({ replicaId }) => (this.blocked.get(replicaId)?.retryAt ?? 0) <= this.now());
    for (const { replicaId, words } of due) this.blocked.set(replicaId, this.inVain('remove', words, this.blocked.get(replicaId)));
    const taken = [...due, ...this.stopFailures.values()];
    this.stopFailures = new Map();
    return taken;
  }

  /** It runs, or it has failed and it is not yet time to try again. */
  isBusy(kind: CallKind, replicaId: string): boolean {
    const failed = this.failed.get(replicaId);
    return this.calls.get(replicaId)?.kind === kind || (failed?.kind === kind && this.now() < failed.retryAt);
  }

  /** Begins `work` for the replica, once the replica's other call, if there is one, has been aborted and has ended. */
  begin(kind: CallKind, replicaId: string, work: (signal: AbortSignal) => Promise<void>): void {
    const previous = this.calls.get(replicaId);
    previous?.abort.abort();
    if (this.failed.get(replicaId)?.kind !== kind) this.failed.delete(replicaId);
    this.changedAt = this.now();
    const abort = new AbortController();
    if (this.signal.aborted) abort.abort();
    const ended = (previous?.ended ?? Promise.resolve())
      .then(() => work(abort.signal))
      .then(
        () => void this.failed.delete(replicaId),
        (error: unknown) => this.fail(kind, replicaId, error),
      )
      .finally(() => {
        this.changedAt = this.now();
        if (this.calls.get(replicaId) === call) this.calls.delete(replicaId);
        this.starts.delete(call);
      });
    const call: Call = { kind, abort, ended };
    this.calls.set(replicaId, call);
    if (kind === 'start') this.starts.set(call, replicaId);
  }

  /**
   * Aborts the starts of replicas that nobody wants any more, and waits for their end: until then a container may still
   * come to be, so its absence proves nothing.
   */
  async keepStarts(isWanted: (replicaId: string) => boolean): Promise<void> {
    const unwanted = [...this.starts].filter(([, replicaId]) => !isWanted(replicaId)).map(([call]) => call);
    for (const call of unwanted) call.abort.abort();
    await Promise.all(unwanted.map((call) => call.ended));
  }

  /** The starts that failed for a reason of their own since the last call of this. */
  takeStartFailures(): ReadonlyMap<string, StartFailure> {
    const taken = this.startFailures;
    this.startFailures = new Map();
    return taken;
  }

  /** Gives failures back that could not be written down. */
  restoreStartFailures(failures: ReadonlyMap<string, StartFailure>): void {
    this.startFailures = new Map([...failures, ...this.startFailures]);
  }

  /** Resolves when a call ends, a little later when others are about to: many end together, and looking costs more than waiting. */
  async next(): Promise<void> {
    await Promise.race([...this.calls.values()].map((call) => call.ended));
    if (this.calls.size === 0) return;
    await Promise.race([Promise.all([...this.calls.values()].map((call) => call.ended)), sleep(GATHER_MS)]);
  }

  /** Resolves when all calls have ended; aborts them first. */
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
      this.startFailures.set(replicaId, { words, retryable: error.retryable });
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
