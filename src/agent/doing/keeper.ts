import { setTimeout as sleep } from 'node:timers/promises';
import { abortWith } from '../../common/abort-with';
import type { NodeTarget } from '../../engines/node-target';
import type { OrderTrouble } from '../../runtime/agent/link-messages';
import { DriverError, type RuntimeDriver } from '../../runtime/runtime-driver';
import { fullJitterMs } from '../back-off';
import type { AgentLog } from '../agent-log';
import type { OrderBook } from '../orders/order-book';
import type { Recollection } from '../recollection';
import type { EngineView } from './engine-view';
import { Lives } from './lives';
import { plan, type Act } from './plan';

/** What changes untold, such as an engine that has come back, is found so often. */
const LOOK_EVERY_MS = 30_000;
const LOOK_AGAIN_MS = 2_000;
const WATCH_AGAIN_MS = 2_000;
/** An engine has begun to tell changes by then. */
const WATCH_BEGINS_MS = 1_000;

interface Work {
  readonly act: Act;
  readonly controller: AbortController;
}

interface Failure extends OrderTrouble {
  readonly failures: number;
  readonly dueMs: number | null;
}

export interface KeeperParts {
  readonly driver: RuntimeDriver;
  readonly target: NodeTarget;
  readonly view: EngineView;
  readonly recollection: Recollection;
  readonly orders: () => OrderBook;
  /** Whether the link has been away for so long that the machine is on its own. */
  readonly isAlone: () => boolean;
  /** Called after each look at the engine, and when words of progress change. */
  readonly onLook: () => void;
  readonly log: AgentLog;
}

/** Makes the machine agree with its orders: looks, plans and asks the engine, again and again. One act at a time for each replica. */
export class Keeper {
  readonly progress = new Map<string, string>();
  settled: ReadonlyMap<string, number> = new Map();
  /** The order by which each replica became what it is, as far as that is known. */
  readonly actedBy = new Map<string, number>();
  readonly lives = new Lives();
  private readonly underWay = new Map<string, Work>();
  private readonly failed = new Map<string, Failure>();
  private readonly confirmedGone = new Map<string, number>();
  private wakeUp: () => void = () => undefined;
  private isAwake = false;

  constructor(private readonly parts: KeeperParts) {}

  get troubles(): OrderTrouble[] {
    return [...this.failed.values()].map(({ replicaId, version, failure, message }) => ({ replicaId, version, failure, message }));
  }

  /** Looks again soon: something has changed. */
  wake(): void {
    this.isAwake = true;
    this.wakeUp();
  }

  /** Resolves after the abort, when nothing is under way any more. */
  async run(signal: AbortSignal): Promise<void> {
    const watching = this.watch(signal);
    const isOver = (): boolean => signal.aborted;
    while (!isOver()) {
      this.isAwake = false;
      const nextMs = await this.round(signal);
      if (!isOver()) await this.rest(nextMs, signal);
    }
    for (const { controller } of this.underWay.values()) controller.abort();
    while (this.underWay.size > 0) await sleep(10);
    await watching;
  }

  /** How long to rest afterwards unless something happens. */
  private async round(signal: AbortSignal): Promise<number> {
    const { view, recollection, isAlone, onLook } = this.parts;
    await view.look(signal, (replicaId) => this.underWay.has(replicaId));
    if (signal.aborted) return 0;
    if (view.trouble !== null) {
      onLook();
      return LOOK_AGAIN_MS;
    }
    const { orders, version } = this.parts.orders();
    const nowMs = performance.now();
    const memory = recollection.memory;
    this.tidy();
    this.lives.look(orders, view.workloads, { made: memory.made, nowMs });
    const next = plan({
      orders,
      workloads: view.workloads,
      made: memory.made,
      nowMs,
      failed: this.failed,
      confirmedGone: this.confirmedGone,
      underWay: new Map([...this.underWay].map(([replicaId, { act }]) => [replicaId, act])),
      isRefused: memory.refused,
      isBehind: version < memory.toldVersion,
      restartDueMs: isAlone() ? this.lives.restartsDue(orders, view.workloads, memory) : new Map(),
    });
    this.settled = next.settled;
    for (const [replicaId, version] of next.settled) {
      this.failed.delete(replicaId);
      this.actedBy.set(replicaId, version);
      if (view.workloads.has(replicaId) && orders.get(replicaId)?.will === 'run') recollection.made(replicaId, version);
    }
    for (const replicaId of next.abort) this.underWay.get(replicaId)?.controller.abort();
    for (const act of next.begin) this.begin(act, signal);
    onLook();
    return Math.max(0, Math.min(LOOK_EVERY_MS, (next.nextMs ?? Infinity) - nowMs));
  }

  private async rest(ms: number, signal: AbortSignal): Promise<void> {
    if (this.isAwake) return;
    const controller = abortWith(signal);
    this.wakeUp = () => controller.abort();
    await sleep(ms, undefined, { signal: controller.signal }).catch(() => undefined);
    this.wakeUp = () => undefined;
    controller.abort();
  }

  private begin(act: Act, signal: AbortSignal): void {
    const { replicaId } = act.order;
    const work = { act, controller: abortWith(signal) };
    this.underWay.set(replicaId, work);
    void this.carryOut(act, work.controller.signal)
      .then(
        () => this.failed.delete(replicaId),
        (error: unknown) => this.fail(act, error),
      )
      .finally(() => {
        work.controller.abort();
        this.underWay.delete(replicaId);
        this.progress.delete(replicaId);
        this.parts.view.touch(replicaId);
        this.wake();
      });
  }

  private async carryOut({ kind, order, resumeRunAt, words }: Act, signal: AbortSignal): Promise<void> {
    const { driver, recollection } = this.parts;
    const { replicaId, version, spec, graceSeconds } = order;
    const target = { ...this.parts.target, ociRuntime: order.ociRuntime };
    if (kind === 'remove') {
      await driver.remove(target, replicaId, { graceSeconds, signal });
      this.confirmedGone.set(replicaId, version);
    } else if (kind === 'suspend') {
      await driver.suspend(target, replicaId, { graceSeconds, signal });
    } else if (spec !== null) {
      // Counted before it is tried: a machine that dies of it does not try on and on without a pause.
      const attempt = this.lives.nextAttempt(order, recollection.memory.attempts);
      if (kind === 'restart') recollection.attempt(replicaId, attempt);
      const onProgress = (said: string): void => this.say(replicaId, said);
      // What a tag means here is written on the container; the control plane compares it with the other machines.
      await driver.ensure(target, spec, { signal, resumeRunAt, onProgress, chooseDigest: (digest) => Promise.resolve(digest) });
      if (kind === 'restart') recollection.account(replicaId, `${words ?? 'It had ended'}, and was ${startedAgain(attempt)}`, attempt);
    }
  }

  private say(replicaId: string, words: string): void {
    this.progress.set(replicaId, words);
    this.parts.onLook();
  }

  private fail({ kind, order: { replicaId, version } }: Act, error: unknown): void {
    if (error instanceof DriverError && error.failure === 'aborted') return;
    const known = this.failed.get(replicaId);
    const failures = known?.version === version ? known.failures + 1 : 1;
    const failure = error instanceof DriverError ? error.failure : 'timeout';
    const message = error instanceof DriverError ? error.message : 'The agent failed to ask the engine';
    this.parts.log.warn(`Replica ${replicaId}: ${message}${error instanceof DriverError ? '' : ` (${String(error)})`}`);
    // A start that is refused stays refused until another one is ordered. What has to go has to go, whatever the engine says today.
    const isHopeless = failure === 'rejected' && (kind === 'ensure' || kind === 'restart');
    const dueMs = isHopeless ? null : performance.now() + fullJitterMs(failures, 0.5 + Math.random() / 2);
    this.failed.set(replicaId, { replicaId, version, failure, message, failures, dueMs });
  }

  /** What is kept for replicas goes with their orders. */
  private tidy(): void {
    const { orders } = this.parts.orders();
    for (const kept of [this.failed, this.confirmedGone, this.actedBy])
      for (const replicaId of kept.keys()) if (!orders.has(replicaId)) kept.delete(replicaId);
  }

  private async watch(signal: AbortSignal): Promise<void> {
    const { driver, target, view } = this.parts;
    while (!signal.aborted) {
      // What has changed before the stream began is found by a look.
      const again = (): void => {
        view.forget();
        this.wake();
      };
      again();
      const onceMore = setTimeout(again, WATCH_BEGINS_MS);
      const changed = ({ replicaId }: { replicaId: string }): void => {
        view.touch(replicaId);
        this.wake();
      };
      await driver.watch(target, changed, signal).catch(() => undefined);
      clearTimeout(onceMore);
      view.forget();
      await sleep(WATCH_AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

const startedAgain = (attempt: number): string =>
  `started again by the agent${attempt > 1 ? ` after ${String(attempt)} failures in a row` : ''}`;
