import { randomUUID } from 'node:crypto';
import type { EngineInfo } from '../../src/engines/engine-info';
import { specDigest } from '../../src/engines/spec-digest';
import type { CallMessage, FromAgent, Order, OrderTrouble, ReportedWorkload } from '../../src/runtime/agent/link-messages';
import type { LogLine, WorkloadSpec } from '../../src/runtime/runtime-driver';

interface Kept {
  spec: WorkloadSpec;
  shown: ReportedWorkload;
  begun: number;
}

const info = (): EngineInfo => ({
  ...{ engineId: `memory-${randomUUID()}`, version: 'memory', isolation: null, cpuCores: 8, memoryMb: 16_384, gpuUnits: 0, storageGb: 100 },
  ...{ cpuUsagePercent: 5, memoryUsagePercent: 10, diskFreeGb: 90, trouble: null },
});

/** An engine that an agent of the tests has: it runs nothing and remembers what it would run. The variable SCRIPT says what a workload does. */
export class MemoryEngine {
  /** Null: it does not answer. */
  info: EngineInfo | null = info();
  onChange: () => void = () => undefined;
  readonly workloads = new Map<string, Kept>();
  readonly troubles = new Map<string, OrderTrouble>();
  private readonly done = new Map<string, number>();
  private readonly newest = new Map<string, number>();
  private readonly follows = new Map<string, { credit: number; next: number; step: () => void }>();
  private readonly stopping = new Map<string, { until: number; wake: () => void }>();

  state(): { workloads: ReportedWorkload[]; troubles: OrderTrouble[]; progress: { replicaId: string; words: string }[] } {
    const shown = [...this.workloads.values()].map((kept) => kept.shown);
    return { workloads: shown, troubles: [...this.troubles.values()], progress: [] };
  }

  doneVersion(replicaId: string): number {
    return this.done.get(replicaId) ?? 0;
  }

  /** Carries an order out, unless a newer one has come. */
  async obey(order: Order): Promise<void> {
    this.newest.set(order.replicaId, order.version);
    this.troubles.delete(order.replicaId);
    const kept = this.workloads.get(order.replicaId);
    if (order.will === 'run') await this.run(order);
    else if (kept) await this.stop(order, kept);
    if (this.newest.get(order.replicaId) !== order.version || this.troubles.has(order.replicaId)) return;
    this.done.set(order.replicaId, order.version);
    const now = this.workloads.get(order.replicaId);
    if (now) now.shown = { ...now.shown, version: order.version };
    this.onChange();
  }

  kill(replicaId: string, code = 137): void {
    const kept = this.workloads.get(replicaId);
    if (kept) this.end(kept, code, code === 137 ? 'Killed (exit code 137)' : `Exited with code ${code}`);
  }

  vanish(replicaId: string): void {
    this.workloads.delete(replicaId);
    this.onChange();
  }

  more(id: string, lines: number): void {
    const follow = this.follows.get(id);
    if (!follow) return;
    follow.credit += lines;
    follow.step();
  }

  cancel(id: string): void {
    this.follows.delete(id);
  }

  async answer(message: CallMessage, send: (message: FromAgent) => void): Promise<void> {
    const { id } = message;
    await Promise.resolve();
    if (message.call === 'offersImage') send({ type: 'answer', id, value: !message.arguments.image.includes('missing') });
    else if (message.call === 'logs') {
      const lines = this.linesOf(message.arguments.replicaId).map(({ line }) => line);
      const { tailLines, maxBytes } = message.arguments.limits;
      const tail = lines.slice(-tailLines);
      while (tail.join('').length > maxBytes) tail.shift();
      send({ type: 'answer', id, value: { lines: tail, cut: tail.length < Math.min(lines.length, tailLines), error: null } });
    } else if (message.call === 'sample') send({ type: 'answer', id, value: this.sampleOf(message.arguments.replicaId) });
    else this.follow(message, send);
  }

  private async run({ replicaId, version, spec, resumeRunAt }: Order): Promise<void> {
    if (!spec) return;
    const kept = this.workloads.get(replicaId);
    if (kept) {
      if (resumeRunAt !== null && kept.shown.phase === 'exited' && kept.shown.startedAt === resumeRunAt) this.begin(kept);
      return;
    }
    if (spec.image.includes('missing')) {
      const message = `Image ${spec.image} was not found`;
      this.troubles.set(replicaId, { replicaId, version, failure: 'image_unavailable', message });
      this.onChange();
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, spec.image.includes('slow') ? 3_000 : 5));
    if (this.newest.get(replicaId) !== version || this.workloads.has(replicaId)) return;
    const made: Kept = { spec, shown: firstShown(spec), begun: 0 };
    this.workloads.set(replicaId, made);
    this.begin(made);
  }

  private begin(kept: Kept): void {
    kept.begun = Date.now();
    const startedAt = new Date(kept.begun).toISOString();
    kept.shown = { ...kept.shown, phase: 'running', hasRun: true, startedAt, exitCode: null, reason: null };
    const { SCRIPT } = kept.spec.env;
    if (SCRIPT === 'unwell') kept.shown = { ...kept.shown, phase: 'unhealthy', reason: 'Health check fails' };
    if (SCRIPT === 'ends') this.end(kept, 0, 'Exited with code 0');
    if (SCRIPT === 'fails') this.end(kept, 3, 'Exited with code 3');
    if (SCRIPT === 'out-of-memory') this.end(kept, 137, `Out of memory (limit ${kept.spec.resources.memoryMb} MB)`);
  }

  private async stop(order: Order, kept: Kept): Promise<void> {
    const { replicaId, will, graceSeconds } = order;
    if (kept.shown.phase !== 'exited' && kept.spec.env.SCRIPT === 'stubborn') {
      const before = this.stopping.get(replicaId);
      const until = Math.min(before?.until ?? Infinity, performance.now() + graceSeconds * 1_000);
      before?.wake();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(0, until - performance.now()));
        this.stopping.set(replicaId, {
          until,
          wake: () => {
            clearTimeout(timer);
            resolve();
          },
        });
      });
      if (this.newest.get(replicaId) !== order.version) return;
      this.stopping.delete(replicaId);
    }
    if (this.workloads.get(replicaId) !== kept) return;
    if (kept.shown.phase !== 'exited') this.end(kept, 137, 'Killed (exit code 137)');
    if (will === 'absent') this.workloads.delete(replicaId);
  }

  private end(kept: Kept, exitCode: number, reason: string): void {
    kept.shown = { ...kept.shown, phase: 'exited', exitCode, reason };
    this.onChange();
  }

  private linesOf(replicaId: string): LogLine[] {
    const kept = this.workloads.get(replicaId);
    if (kept?.spec.env.SCRIPT !== 'speaks') return [];
    return ['first', 'second'].map((word, index) => ({
      time: `${new Date(kept.begun + index).toISOString().slice(0, 23)}000000Z`,
      ...{ stream: 'stdout', line: `${word} ${kept.spec.env.GREETING ?? ''}`, cut: false },
    }));
  }

  private sampleOf(replicaId: string) {
    const kept = this.workloads.get(replicaId);
    if (!kept || kept.shown.phase === 'exited') return null;
    const seconds = (Date.now() - kept.begun) / 1_000;
    return {
      ...{ takenAt: new Date().toISOString(), cpuSeconds: seconds / 20, clockSeconds: seconds, memoryUsedMb: 32 },
      network: { rxBytes: 1, txBytes: 2 },
    };
  }

  private follow({ id, arguments: asked }: CallMessage & { call: 'follow' }, send: (message: FromAgent) => void): void {
    const { replicaId, options } = asked;
    if (!this.workloads.has(replicaId)) return send({ type: 'answer', id, value: false });
    send({ type: 'answer', id, value: true });
    const all = this.linesOf(replicaId).filter(({ time }) => options.since === null || time >= options.since);
    const lines = options.tailLines === null ? all : all.slice(all.length - options.tailLines);
    const follow = {
      ...{ credit: 0, next: 0 },
      step: () => {
        const sent = lines.slice(follow.next, follow.next + follow.credit);
        follow.next += sent.length;
        follow.credit -= sent.length;
        if (sent.length > 0) send({ type: 'lines', id, lines: sent });
        if (follow.next === lines.length && this.workloads.get(replicaId)?.shown.phase === 'exited') {
          this.follows.delete(id);
          send({ type: 'end', id, error: null });
        }
      },
    };
    this.follows.set(id, follow);
    follow.step();
  }
}

const firstShown = (spec: WorkloadSpec): ReportedWorkload => ({
  ...{ replicaId: spec.replicaId, deploymentId: spec.deploymentId, containerId: randomUUID(), phase: 'starting', hasRun: false },
  ...{ startedAt: null, upSeconds: null, exitCode: null, reason: null, version: null },
  publishedPorts: spec.ports.map((port, index) => ({ ...port, hostIp: '127.0.0.1', hostPort: 30_000 + index })),
  origin: {
    ...{ name: `memory-${spec.replicaId}`, image: spec.image, createdAt: new Date().toISOString(), generation: spec.generation },
    ...{ specDigest: specDigest(spec), imageDigest: null },
  },
});
