import { setTimeout as sleep } from 'node:timers/promises';
import { DriverError } from '../runtime/runtime-driver';
import type { StartFailure, StopFailure } from './plan.types';

type CallKind = 'start' | 'park' | 'remove';

const GATHER_MS = 10;

interface Call {
  readonly kind: CallKind;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

/**
 * The engine calls that one run of the reconciler has in flight, at most one per replica. A slow one (a pull, a stubborn
 * container) does not keep the run from seeing to the others. What failed for now is not tried again in the same run.
 */
export class EngineCalls {
  private readonly calls = new Map<string, Call>();
  /** Also those that a remove of the same replica waits for. */
  private readonly starts = new Map<Call, string>();
  private readonly failed = new Set<string>();
  private startFailures = new Map<string, StartFailure>();
  private readonly stopWords = new Map<string, string>();
  private readonly words = new Set<string>();

  constructor(private readonly signal: AbortSignal) {}

  get running(): boolean {
    return this.calls.size > 0;
  }

  /** In words, the calls that failed and will be made again later. */
  get problems(): readonly string[] {
    return [...this.words];
  }

  /** The replicas that an engine did not stop or remove in this run, with the words of the last failure. */
  get stopFailures(): readonly StopFailure[] {
    return [...this.stopWords].map(([replicaId, words]) => ({ replicaId, words }));
  }

  isBusy(kind: CallKind, replicaId: string): boolean {
    return this.calls.get(replicaId)?.kind === kind || this.failed.has(`${kind} ${replicaId}`);
  }

  /** Begins `work` for the replica, once the replica's other call, if there is one, has been aborted and has ended. */
  begin(kind: CallKind, replicaId: string, work: (signal: AbortSignal) => Promise<void>): void {
    const previous = this.calls.get(replicaId);
    previous?.abort.abort();
    const abort = new AbortController();
    const signal = AbortSignal.any([this.signal, abort.signal]);
    const ended = (previous?.ended ?? Promise.resolve())
      .then(() => work(signal))
      .catch((error: unknown) => this.fail(kind, replicaId, error))
      .finally(() => {
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
    const ending = [...this.calls.values()];
    for (const call of ending) call.abort.abort();
    await Promise.all(ending.map((call) => call.ended));
  }

  private fail(kind: CallKind, replicaId: string, error: unknown): void {
    if (error instanceof DriverError && error.failure === 'aborted') return;
    const words = error instanceof DriverError ? error.message : `${kind} failed`;
    if (kind === 'start' && error instanceof DriverError && error.failure !== 'unreachable') {
      this.startFailures.set(replicaId, { words, retryable: error.retryable });
      return;
    }
    this.failed.add(`${kind} ${replicaId}`);
    this.words.add(words);
    if (kind !== 'start') this.stopWords.set(replicaId, words);
  }
}
