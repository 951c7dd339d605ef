import type { DataSource } from 'typeorm';
import type { EngineInfo } from '../../engines/engine-info';
import type { NodeTarget } from '../../engines/node-target';
import { ENGINE_TRAITS } from '../../engines/runtime-kinds';
import { pause, throwIfAborted } from '../abort';
import { LogTail } from '../log-tail';
import {
  DriverError,
  RuntimeDriver,
  type EnsureOptions,
  type FollowOptions,
  type LogLimits,
  type LogLine,
  type ObservedWorkload,
  type StopOptions,
  type WorkloadLog,
  type WorkloadSample,
  type WantedImage,
  type WorkloadSpec,
} from '../runtime-driver';
import { simulatedBehaviour, simulatedImageExists } from './simulated-behaviour';
import { SimulatedChanges } from './simulated-changes';
import { countOf, outputFrom, type SimulatedOutput } from './simulated-output';
import { SimulatedVolumes } from './simulated-volumes';
import { SimulatedWorkloadsRepository } from './simulated-workloads.repository';

const LOOK_AGAIN_MS = 250;
const MAX_TAIL_LINE_LENGTH = 4096;

/**
 * An engine that runs nothing and remembers in PostgreSQL what it would run, so that all workers share it and it outlives them,
 * as real containers do. The image decides what a workload does, see `simulatedBehaviour`.
 */
export class SimulatedDriver extends RuntimeDriver {
  readonly kind = 'simulated';
  readonly traits = ENGINE_TRAITS.simulated;
  readonly localEngine = null;
  override readonly volumes: SimulatedVolumes;
  private readonly workloads: SimulatedWorkloadsRepository;
  private readonly changes: SimulatedChanges;

  constructor(
    dataSource: DataSource,
    private readonly options: { readonly delayMs: number },
  ) {
    super();
    this.workloads = new SimulatedWorkloadsRepository(dataSource);
    this.changes = new SimulatedChanges(dataSource);
    this.volumes = new SimulatedVolumes(dataSource, (target, signal, work) => this.ask(target, signal, work));
  }

  /** Usage is constant, so that placement on simulated nodes depends only on reservations and regions. */
  info(target: NodeTarget, signal: AbortSignal): Promise<EngineInfo> {
    return this.ask(target, signal, () =>
      Promise.resolve({
        engineId: `simulated-${target.id}`,
        version: 'simulated',
        cpuCores: 16,
        memoryMb: 32_768,
        storageGb: 500,
        gpuUnits: 0,
        cpuUsagePercent: 5,
        memoryUsagePercent: 10,
        isolation: null,
      }),
    );
  }

  /** Usually one statement is enough: it creates the workload unless that exists or the node does not answer. */
  async ensure(target: NodeTarget, spec: WorkloadSpec, { signal, resumeRunAt }: EnsureOptions): Promise<void> {
    const behaviour = simulatedBehaviour(spec, this.options.delayMs);
    throwIfAborted(signal);
    if (spec.volumes) await this.makeVolumes(target, spec, signal);
    const isRefused = behaviour.refusal !== null || behaviour.refusedBy === target.name;
    if (!isRefused && (await this.answer(() => this.workloads.insert(target.id, spec, behaviour)))) return;
    await this.ask(target, signal, async () => {
      if ((await this.workloads.find(target.id, spec.replicaId)) !== null) {
        if (resumeRunAt) await this.workloads.resume(target.id, spec.replicaId, resumeRunAt, behaviour);
        return;
      }
      if (behaviour.refusal === 'image_unavailable') {
        throw new DriverError('image_unavailable', `Image ${spec.image} was not found (simulated)`);
      }
      if (behaviour.refusal === 'rejected') {
        throw new DriverError('rejected', `The engine refuses to create a container of ${spec.image} (simulated)`);
      }
      if (isRefused) throw new DriverError('unfit', `The engine of node ${target.name} cannot start it: its ports fail (simulated)`);
      // Between the two statements the workload was removed or the node came back, so it tries again.
      throwIfAborted(signal);
      await this.workloads.insert(target.id, spec, behaviour);
    });
  }

  offersImage(target: NodeTarget, { image }: WantedImage, signal: AbortSignal): Promise<boolean> {
    return this.ask(target, signal, () => Promise.resolve(simulatedImageExists(image)));
  }

  suspend(target: NodeTarget, replicaId: string, { graceSeconds, signal }: StopOptions): Promise<void> {
    return this.ask(target, signal, async () => {
      for (;;) {
        const leftMs = await this.workloads.beginStop(target.id, replicaId, graceSeconds);
        if (leftMs === null) break;
        await pause(leftMs, signal);
      }
    });
  }

  remove(target: NodeTarget, replicaId: string, { graceSeconds, signal }: StopOptions): Promise<void> {
    return this.ask(target, signal, async () => {
      for (;;) {
        const leftMs = await this.workloads.beginRemoval(target.id, replicaId, graceSeconds);
        if (leftMs === null) break;
        await pause(leftMs, signal);
      }
      await this.workloads.purge();
    });
  }

  list(target: NodeTarget, filter: { deploymentId?: string }, signal: AbortSignal): Promise<readonly ObservedWorkload[]> {
    return this.answer(async () => {
      throwIfAborted(signal);
      const list = await this.workloads.list(target.id, filter.deploymentId ?? null);
      if (list === null) throw away(target);
      return list;
    });
  }

  find(target: NodeTarget, replicaId: string, signal: AbortSignal): Promise<ObservedWorkload | null> {
    return this.ask(target, signal, () => this.workloads.find(target.id, replicaId));
  }

  logs(target: NodeTarget, replicaId: string, limits: LogLimits, signal: AbortSignal): Promise<WorkloadLog> {
    return this.ask(target, signal, async () => {
      const output = await this.workloads.output(target.id, replicaId);
      const tail = new LogTail(limits);
      if (output === null) return tail.result();
      const since = limits.since ?? null;
      // One more than wanted, so that `cut` is told as for any log.
      for (const { line } of outputFrom(output, countOf(output) - limits.tailLines - 1, since))
        tail.add(line.slice(0, MAX_TAIL_LINE_LENGTH));
      return tail.result();
    });
  }

  /** Looks again and again: it has no stream of its own. */
  async follow(target: NodeTarget, replicaId: string, { since, tailLines, signal }: FollowOptions): Promise<AsyncIterable<LogLine> | null> {
    const look = (): Promise<SimulatedOutput | null> => this.ask(target, signal, () => this.workloads.output(target.id, replicaId));
    const first = await look();
    if (first === null) return null;
    return followed(first, { look, since, next: tailLines === null ? 0 : countOf(first) - tailLines, signal });
  }

  /** It uses a twentieth of a core and 64 MB, and sends and receives a little. */
  async sample(target: NodeTarget, replicaId: string, signal: AbortSignal): Promise<WorkloadSample | null> {
    const workload = await this.find(target, replicaId, signal);
    if (!workload?.startedAt || workload.phase === 'exited') return null;
    const takenAt = new Date();
    const upSeconds = Math.max(0, (takenAt.getTime() - workload.startedAt.getTime()) / 1000);
    const network = { rxBytes: Math.floor(upSeconds * 1_000), txBytes: Math.floor(upSeconds * 2_000) };
    return { takenAt, cpuSeconds: upSeconds / 20, clockSeconds: upSeconds, memoryUsedMb: 64, network };
  }

  async watch(
    target: NodeTarget,
    onChange: (change: { deploymentId: string; replicaId: string }) => void,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return;
    await this.ask(target, signal, () => Promise.resolve());
    await this.changes.watch(target.id, onChange, signal);
  }

  tidy(): Promise<void> {
    return Promise.resolve(); // Its workloads leave nothing.
  }

  close(): void {
    // It has no connections of its own: it works through the database.
  }

  /** A workload that is there already has its volumes. */
  private async makeVolumes(target: NodeTarget, { replicaId, volumes = [] }: WorkloadSpec, signal: AbortSignal): Promise<void> {
    await this.ask(target, signal, async () => {
      if ((await this.workloads.find(target.id, replicaId)) === null) await this.volumes.make(target.id, volumes);
    });
  }

  /** Throws `unreachable` for a node that was made unreachable. */
  private ask<T>(target: NodeTarget, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return this.answer(async () => {
      throwIfAborted(signal);
      if (await this.workloads.isUnreachable(target.id)) throw away(target);
      return work();
    });
  }

  /** A failing database counts as an engine that does not answer. */
  private async answer<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof DriverError) throw error;
      throw new DriverError('unreachable', 'The simulated engine does not answer', { cause: error });
    }
  }
}

interface Followed {
  readonly look: () => Promise<SimulatedOutput | null>;
  readonly since: string | null;
  /** The number of the first line that is wanted. */
  readonly next: number;
  readonly signal: AbortSignal;
}

async function* followed(first: SimulatedOutput, { look, since, next, signal }: Followed): AsyncGenerator<LogLine, void> {
  let begun = first.startedAt.getTime();
  let from = next;
  try {
    for (let output: SimulatedOutput | null = first; output !== null; output = await look()) {
      // Suspended and started again, it writes from the beginning.
      if (output.startedAt.getTime() !== begun) from = 0;
      begun = output.startedAt.getTime();
      yield* outputFrom(output, from, since);
      from = Math.max(from, countOf(output));
      if (output.ended) return;
      await pause(LOOK_AGAIN_MS, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

const away = ({ name }: NodeTarget): DriverError =>
  new DriverError('unreachable', `The engine of node ${name} does not answer (simulated)`);
