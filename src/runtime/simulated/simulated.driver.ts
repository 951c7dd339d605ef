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
  type LogLimits,
  type ObservedWorkload,
  type StopOptions,
  type WorkloadLog,
  type WorkloadSpec,
} from '../runtime-driver';
import { simulatedBehaviour, simulatedImageExists } from './simulated-behaviour';
import { SimulatedChanges } from './simulated-changes';
import { SimulatedWorkloadsRepository } from './simulated-workloads.repository';

const MAX_LINE_LENGTH = 4096;

/**
 * An engine that runs nothing and remembers in PostgreSQL what it would run, so that all workers share it and it outlives them,
 * as real containers do. The image decides what a workload does, see `simulatedBehaviour`.
 */
export class SimulatedDriver extends RuntimeDriver {
  readonly kind = 'simulated';
  readonly traits = ENGINE_TRAITS.simulated;
  readonly localEngine = null;
  private readonly workloads: SimulatedWorkloadsRepository;
  private readonly changes: SimulatedChanges;

  constructor(
    dataSource: DataSource,
    private readonly options: { readonly delayMs: number },
  ) {
    super();
    this.workloads = new SimulatedWorkloadsRepository(dataSource);
    this.changes = new SimulatedChanges(dataSource);
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
      }),
    );
  }

  /** Usually one statement is enough: it creates the workload unless that exists or the node does not answer. */
  async ensure(target: NodeTarget, spec: WorkloadSpec, { signal, resumeRunAt }: EnsureOptions): Promise<void> {
    const behaviour = simulatedBehaviour(spec, this.options.delayMs);
    throwIfAborted(signal);
    if (behaviour.refusal === null && (await this.answer(() => this.workloads.insert(target.id, spec, behaviour)))) return;
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
      // Between the two statements the workload was removed or the node came back, so it tries again.
      throwIfAborted(signal);
      await this.workloads.insert(target.id, spec, behaviour);
    });
  }

  offersImage(target: NodeTarget, image: string, signal: AbortSignal): Promise<boolean> {
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
      const log = await this.workloads.log(target.id, replicaId);
      const tail = new LogTail(limits);
      if (log !== '') for (const line of log.split('\n')) tail.add(line.slice(0, MAX_LINE_LENGTH));
      return tail.result();
    });
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

  close(): void {
    // It has no connections of its own: it works through the database.
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

const away = ({ name }: NodeTarget): DriverError =>
  new DriverError('unreachable', `The engine of node ${name} does not answer (simulated)`);
