import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeTarget } from '../../engines/node-target';
import { DriverError, type EnsureOptions, type StopOptions, type WorkloadSpec } from '../runtime-driver';
import type { AgentHints } from './agent-hints';
import type { AgentOrdersRepository, RunOrder } from './agent-orders.repository';
import { requireHeard, type AgentState } from './agent-state';
import type { AgentStatesRepository } from './agent-states.repository';
import { isUnderWay } from './observed';
import { endProgress, startProgress } from './order-progress';

/** A hint may get lost. */
const LOOK_MS = 1_000;
/** How long a start that was taken back may take to be over. After that it is shown as one that is still under way. */
const WITHDRAWN_WITHIN_MS = 10_000;

/** Gives orders, and waits until reports show what became of them. */
export class AgentOrders {
  constructor(
    private readonly states: AgentStatesRepository,
    private readonly orders: AgentOrdersRepository,
    private readonly hints: AgentHints,
  ) {}

  /**
   * Orders a workload and waits until the agent has made it. An agent that is away gets no such order: meanwhile the replica may be
   * placed elsewhere. A start that fails, or that the signal calls off, is taken back.
   */
  async start(target: NodeTarget, spec: WorkloadSpec, options: EnsureOptions): Promise<void> {
    await this.startOnce(target, spec, options);
    if (spec.imageDigest != null || !options.chooseDigest) return;
    const state = await this.heard(target, spec.replicaId);
    const digest = state.workloads[0]?.origin?.imageDigest ?? null;
    if (digest === null) return;
    const chosen = await options.chooseDigest(digest);
    if (chosen === digest) return;
    await this.end(target, { replicaId: spec.replicaId, will: 'absent' }, { graceSeconds: 0, signal: options.signal });
    await this.startOnce(target, { ...spec, imageDigest: chosen }, options);
  }

  /** Orders the stop or the removal of a workload and waits for it. An agent that is away gets the order when it is back. Throws what the engine says against it. */
  async end(
    target: NodeTarget,
    { replicaId, will }: { replicaId: string; will: 'suspend' | 'absent' },
    { graceSeconds, signal }: StopOptions,
  ): Promise<void> {
    await this.until(target, replicaId, signal, async (state) => {
      const progress = endProgress(state, will);
      if (progress.is === 'done') return true;
      const [order] = state.orders;
      const deploymentId = state.workloads[0]?.deploymentId ?? order?.deploymentId ?? null;
      // Also while it is under way: this one may have less patience.
      if (progress.is === 'not ordered' || graceSeconds < (order?.graceSeconds ?? 0))
        await this.orders.end(target.id, { replicaId, deploymentId, will, graceSeconds });
      else if (progress.is === 'failed') throw progress.error;
      return false;
    });
  }

  private async startOnce(target: NodeTarget, spec: WorkloadSpec, { signal, onProgress, resumeRunAt }: EnsureOptions): Promise<void> {
    const order: RunOrder = { spec, resumeRunAt: resumeRunAt ?? null, ociRuntime: target.ociRuntime ?? null };
    const fingerprint = this.orders.fingerprint(order);
    const start: { given: boolean; version: number | null; told: string } = { given: false, version: null, told: '' };
    try {
      await this.until(target, spec.replicaId, signal, async (state) => {
        const progress = startProgress(state, fingerprint);
        if (progress.is === 'done') return true;
        if (progress.is === 'failed') {
          start.version = progress.version;
          throw progress.error;
        }
        if (progress.is === 'under way') {
          start.version = progress.version;
          const words = state.progress[spec.replicaId] ?? '';
          if (words !== '' && words !== start.told) onProgress((start.told = words));
          return false;
        }
        if (start.version !== null) throw new DriverError('aborted', 'Another order has taken the place of this one');
        requireHeard(target, state);
        start.given = true;
        await this.orders.run(target.id, order);
        return false;
      });
    } catch (error) {
      if (start.given && error instanceof DriverError && error.failure !== 'unreachable')
        await this.withdraw(target, spec.replicaId, start.version);
      throw error;
    }
  }

  /**
   * Looks at the state of a replica again and again until `isDone` says so. Throws `unreachable` once the agent is silent, but only after
   * `isDone` has looked, so that it may leave an order behind.
   */
  private async until(
    target: NodeTarget,
    replicaId: string,
    signal: AbortSignal,
    isDone: (state: AgentState) => Promise<boolean>,
  ): Promise<void> {
    const hint = this.hints.listen(target.id);
    try {
      for (;;) {
        const state = await this.states.of(target.id, { replicaId });
        if (state === null) requireHeard(target, state);
        else {
          const isOver = await isDone(state);
          requireHeard(target, state);
          if (isOver) return;
        }
        await hint.next(LOOK_MS, signal);
      }
    } finally {
      hint.end();
    }
  }

  private async heard(target: NodeTarget, replicaId: string): Promise<AgentState> {
    const state = await this.states.of(target.id, { replicaId });
    requireHeard(target, state);
    return state;
  }

  /** Takes a start back and waits a while until nothing of it can appear any more. Never throws: why it was taken back is the news. */
  private async withdraw(target: NodeTarget, replicaId: string, ordered: number | null): Promise<void> {
    try {
      // The order may have been given just before the abort, and not have been seen yet.
      const version = ordered ?? (await this.heard(target, replicaId)).orders.find(({ will }) => will === 'run')?.version;
      if (version === undefined) return;
      await this.orders.withdraw(target.id, replicaId, version);
      const until = performance.now() + WITHDRAWN_WITHIN_MS;
      while (performance.now() < until) {
        const { orders, workloads } = await this.heard(target, replicaId);
        if (orders.every((order) => order.will === 'run' || !isUnderWay(order)) || workloads.length > 0) return;
        await sleep(100);
      }
    } catch {
      // The agent is silent, or the database is: the order shows as one that is under way.
    }
  }
}
