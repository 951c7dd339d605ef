import type { DataSource } from 'typeorm';
import type { SecretBox } from '../../common/crypto/secret-box';
import { sentences } from '../../common/sentences';
import type { PubSub } from '../../database/pub-sub';
import type { EngineInfo } from '../../engines/engine-info';
import type { NodeTarget } from '../../engines/node-target';
import { ENGINE_TRAITS } from '../../engines/runtime-kinds';
import { throwIfAborted } from '../abort';
import {
  DriverError,
  RuntimeDriver,
  type EnsureOptions,
  type FollowOptions,
  type LogLimits,
  type LogLine,
  type ObservedWorkload,
  type StopOptions,
  type WantedImage,
  type WorkloadLog,
  type WorkloadSample,
  type WorkloadSpec,
} from '../runtime-driver';
import { AgentCalls } from './agent-calls';
import { AgentHints } from './agent-hints';
import type { AgentLines } from './agent-lines';
import { AgentOrders } from './agent-orders';
import { AgentOrdersRepository } from './agent-orders.repository';
import { intruderWords, requireHeard, type AgentState } from './agent-state';
import { AgentStatesRepository } from './agent-states.repository';
import { HeardAgents } from './heard-agents';
import { observedOf } from './observed';

const TIDY_EVERY_MS = 3_600_000;

/** What the driver is made from. */
export interface AgentDriverParts {
  readonly dataSource: DataSource;
  readonly box: SecretBox;
  readonly pubSub: PubSub;
  /** The links that this process holds. */
  readonly lines: AgentLines;
}

/**
 * Nodes whose machines only dial out. The driver writes what a node should have, and reads what its agent has reported; the process that
 * holds the link carries both. So it works in every process, and the agent goes on alone while its link is away.
 */
export class AgentDriver extends RuntimeDriver {
  readonly kind = 'agent';
  readonly traits = ENGINE_TRAITS.agent;
  readonly localEngine = null;
  private readonly states: AgentStatesRepository;
  private readonly stored: AgentOrdersRepository;
  private readonly orders: AgentOrders;
  private readonly calls: AgentCalls;
  private readonly hints: AgentHints;
  private readonly heard: HeardAgents;
  private readonly tidiedAt = new Map<string, number>();

  constructor({ dataSource, box, pubSub, lines }: AgentDriverParts) {
    super();
    this.states = new AgentStatesRepository(dataSource);
    this.stored = new AgentOrdersRepository(dataSource, box, pubSub);
    this.hints = new AgentHints(pubSub);
    this.heard = new HeardAgents(this.states);
    this.orders = new AgentOrders(this.states, this.stored, this.hints);
    this.calls = new AgentCalls({ dataSource, box, pubSub, lines, hints: this.hints });
  }

  async info(target: NodeTarget, signal: AbortSignal): Promise<EngineInfo> {
    const state = await this.state(target, { replicaId: NONE }, signal);
    return { ...state.engine, trouble: sentences(state.engine.trouble, intruderWords(state)) };
  }

  async ensure(target: NodeTarget, spec: WorkloadSpec, options: EnsureOptions): Promise<void> {
    throwIfAborted(options.signal);
    if (spec.volumes) throw new DriverError('unfit', 'Machines behind an agent keep no volumes');
    await answered(() => this.orders.start(target, spec, options));
  }

  async suspend(target: NodeTarget, replicaId: string, options: StopOptions): Promise<void> {
    throwIfAborted(options.signal);
    await answered(() => this.orders.end(target, { replicaId, will: 'suspend' }, options));
  }

  async remove(target: NodeTarget, replicaId: string, options: StopOptions): Promise<void> {
    throwIfAborted(options.signal);
    await answered(() => this.orders.end(target, { replicaId, will: 'absent' }, options));
  }

  async list(target: NodeTarget, filter: { deploymentId?: string }, signal: AbortSignal): Promise<readonly ObservedWorkload[]> {
    return observedOf(await this.state(target, filter, signal));
  }

  async find(target: NodeTarget, replicaId: string, signal: AbortSignal): Promise<ObservedWorkload | null> {
    return observedOf(await this.state(target, { replicaId }, signal))[0] ?? null;
  }

  async offersImage(target: NodeTarget, wanted: WantedImage, signal: AbortSignal): Promise<boolean> {
    await this.state(target, { replicaId: NONE }, signal);
    return answered(() => this.calls.ask(target, 'offersImage', wanted, signal));
  }

  async logs(target: NodeTarget, replicaId: string, limits: LogLimits, signal: AbortSignal): Promise<WorkloadLog> {
    await this.state(target, { replicaId: NONE }, signal);
    return answered(() => this.calls.ask(target, 'logs', { replicaId, limits }, signal));
  }

  async follow(target: NodeTarget, replicaId: string, options: FollowOptions): Promise<AsyncIterable<LogLine> | null> {
    await this.state(target, { replicaId: NONE }, options.signal);
    return answered(() => this.calls.follow(target, replicaId, options));
  }

  async sample(target: NodeTarget, replicaId: string, signal: AbortSignal): Promise<WorkloadSample | null> {
    await this.state(target, { replicaId: NONE }, signal);
    const sample = await answered(() => this.calls.ask(target, 'sample', { replicaId }, signal));
    return sample && { ...sample, takenAt: new Date(sample.takenAt) };
  }

  async watch(
    target: NodeTarget,
    onChange: (change: { deploymentId: string; replicaId: string }) => void,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return;
    const off = this.hints.watch(target.id, onChange);
    try {
      await this.state(target, { replicaId: NONE }, signal);
      await this.heard.until(target.id, signal);
    } finally {
      off();
    }
  }

  /** The agent tidies its engine by itself; here only orders that are long over go. */
  async tidy(target: NodeTarget, signal: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    if (performance.now() - (this.tidiedAt.get(target.id) ?? -TIDY_EVERY_MS) < TIDY_EVERY_MS) return;
    await answered(() => this.stored.forgetEnded(target.id));
    this.tidiedAt.set(target.id, performance.now());
  }

  close(): void {
    this.hints.close();
  }

  private async state(
    target: NodeTarget,
    only: { deploymentId?: string; replicaId?: string },
    signal: AbortSignal,
  ): Promise<AgentState & { engine: EngineInfo }> {
    throwIfAborted(signal);
    const state = await answered(() => this.states.of(target.id, only));
    requireHeard(target, state);
    return state;
  }
}

/** No replica has it: for questions about the node alone. */
const NONE = '00000000-0000-0000-0000-000000000000';

/** A failing database counts as an agent that does not answer. */
async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DriverError) throw error;
    throw new DriverError('unreachable', 'What the agent of this node reports cannot be read now', { cause: error });
  }
}
