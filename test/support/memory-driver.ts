import { randomUUID } from 'node:crypto';
import type { EngineInfo } from '../../src/engines/engine-info';
import type { NodeTarget } from '../../src/engines/node-target';
import { ENGINE_TRAITS } from '../../src/engines/runtime-kinds';
import { RuntimeDriver, type ObservedWorkload, type WorkloadSpec } from '../../src/runtime/runtime-driver';

/** A driver of one engine that runs nothing, as the agent of a machine has one. */
export class MemoryDriver extends RuntimeDriver {
  readonly kind = 'docker';
  readonly traits = ENGINE_TRAITS.docker;
  readonly localEngine = null;
  readonly workloads = new Map<string, ObservedWorkload>();
  /** Every call that changes something, as `ensure <replica>`. */
  readonly calls: string[] = [];
  engineId: string = randomUUID();
  private readonly watchers = new Set<() => void>();

  /** Another engine, without any containers, is in place of this one from now on. */
  exchange(engineId: string): void {
    this.engineId = engineId;
    this.workloads.clear();
    for (const end of this.watchers) end();
  }

  info(): Promise<EngineInfo> {
    return Promise.resolve({
      ...{ engineId: this.engineId, version: 'memory', isolation: null, trouble: null, cpuCores: 4, memoryMb: 8_192, gpuUnits: 0 },
      ...{ storageGb: 64, diskFreeGb: 40, cpuUsagePercent: 5, memoryUsagePercent: 30 },
    });
  }

  ensure(_target: NodeTarget, { replicaId, deploymentId }: WorkloadSpec): Promise<void> {
    this.calls.push(`ensure ${replicaId}`);
    if (!this.workloads.has(replicaId))
      this.workloads.set(replicaId, {
        ...{ replicaId, deploymentId, containerId: randomUUID(), phase: 'running', hasRun: true, startedAt: new Date() },
        ...{ upSeconds: null, exitCode: null, reason: null, publishedPorts: [] },
      });
    return Promise.resolve();
  }

  suspend(_target: NodeTarget, replicaId: string): Promise<void> {
    this.calls.push(`suspend ${replicaId}`);
    return Promise.resolve();
  }

  remove(_target: NodeTarget, replicaId: string): Promise<void> {
    this.calls.push(`remove ${replicaId}`);
    this.workloads.delete(replicaId);
    return Promise.resolve();
  }

  list(): Promise<readonly ObservedWorkload[]> {
    return Promise.resolve([...this.workloads.values()]);
  }

  find(_target: NodeTarget, replicaId: string): Promise<ObservedWorkload | null> {
    return Promise.resolve(this.workloads.get(replicaId) ?? null);
  }

  watch(_target: NodeTarget, _onChange: unknown, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.watchers.add(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  logs = () => Promise.resolve({ lines: [], cut: false, error: null });
  follow = () => Promise.resolve(null);
  sample = () => Promise.resolve(null);
  offersImage = () => Promise.resolve(true);
  tidy = () => Promise.resolve();
  close = () => undefined;
}
