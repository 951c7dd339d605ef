import { randomUUID } from 'node:crypto';

/** A driver of one engine that runs nothing: as much of `RuntimeDriver` as an agent needs. How busy its machine is changes all the time. */
export class MemoryEngine {
  engineId = randomUUID();
  #workloads = new Map();

  async info() {
    return {
      ...{ engineId: this.engineId, version: 'memory', isolation: null, trouble: null },
      ...{ cpuCores: 4, memoryMb: 8_192, gpuUnits: 0, storageGb: 64, diskFreeGb: 40 },
      ...{ cpuUsagePercent: Math.round(Math.random() * 60), memoryUsagePercent: 30 },
    };
  }

  async ensure(_target, { replicaId, deploymentId, generation }) {
    if (this.#workloads.has(replicaId)) return;
    const origin = { name: replicaId, image: null, createdAt: new Date(), generation, specDigest: null, imageDigest: null };
    this.#workloads.set(replicaId, {
      ...{ replicaId, deploymentId, containerId: randomUUID(), phase: 'running', hasRun: true, startedAt: new Date(), upSeconds: null },
      ...{ exitCode: null, reason: null, publishedPorts: [], origin },
    });
  }

  async remove(_target, replicaId) {
    this.#workloads.delete(replicaId);
  }

  async suspend(_target, replicaId) {
    const known = this.#workloads.get(replicaId);
    if (known) this.#workloads.set(replicaId, { ...known, phase: 'exited', exitCode: 0 });
  }

  async list() {
    return [...this.#workloads.values()];
  }

  async find(_target, replicaId) {
    return this.#workloads.get(replicaId) ?? null;
  }

  watch(_target, _onChange, signal) {
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  async logs() {
    return { lines: [], cut: false, error: null };
  }

  async follow() {
    return null;
  }

  async sample() {
    return null;
  }

  async offersImage() {
    return true;
  }
}
