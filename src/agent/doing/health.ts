import { probe } from '../../checks/probe';
import { ProbedRun } from '../../checks/probed-run';
import { checkedPort, type NetworkCheck } from '../../engines/container-spec';
import { reachedAt } from '../../engines/node-address';
import type { Order } from '../../runtime/agent/link-messages';
import type { ObservedWorkload } from '../../runtime/runtime-driver';

const TICK_MS = 100;
/** Of this machine: it is where the ports of its containers are published. */
const HERE = { address: '127.0.0.1', endpoint: null };

/** Makes the health checks by http and tcp of the replicas that run here, at their published ports. */
export class Health {
  private readonly runs = new Map<string, ProbedRun>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly nodeId: string,
    private readonly onChange: () => void,
  ) {}

  /** Checks these replicas from now on. A run that is known goes on with its counts. */
  look(orders: ReadonlyMap<string, Order>, workloads: ReadonlyMap<string, ObservedWorkload>): void {
    for (const replicaId of this.runs.keys()) if (!isChecked(orders.get(replicaId), workloads.get(replicaId))) this.runs.delete(replicaId);
    for (const [replicaId, order] of orders) {
      const seen = workloads.get(replicaId);
      const check = order.spec?.healthCheck;
      if (seen === undefined || !isChecked(order, seen) || check == null || 'command' in check) continue;
      const run = `${seen.containerId} ${seen.startedAt?.toISOString() ?? ''}`;
      if (this.runs.get(replicaId)?.target.run === run) continue;
      this.runs.set(replicaId, this.begin({ order, seen, check, run }));
    }
    if (this.runs.size > 0) this.timer ??= setInterval(() => this.tick(performance.now()), TICK_MS);
    else this.stop();
  }

  /** The workload with what its checks have come to. */
  judged(workload: ObservedWorkload): ObservedWorkload {
    const verdict = workload.phase === 'running' ? this.runs.get(workload.replicaId)?.verdict : undefined;
    if (verdict === undefined || verdict.healthy === true) return workload;
    return { ...workload, phase: verdict.healthy === null ? 'starting' : 'unhealthy', reason: verdict.reason };
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private begin({ order, seen, check, run }: { order: Order; seen: ObservedWorkload; check: NetworkCheck; run: string }): ProbedRun {
    const published = seen.publishedPorts.find(({ containerPort, protocol }) => protocol === 'tcp' && containerPort === checkedPort(check));
    const who = { replicaId: order.replicaId, ownerId: order.spec?.ownerId ?? '', nodeId: this.nodeId, run };
    return new ProbedRun(
      { ...who, ...HERE, probe: { check, published: published ?? null }, healthy: null, reason: null, seenMsAgo: 0 },
      performance.now(),
    );
  }

  private tick(nowMs: number): void {
    for (const run of this.runs.values()) if (run.isDue(nowMs)) void this.probe(run);
  }

  private async probe(run: ProbedRun): Promise<void> {
    run.wait();
    run.begin(performance.now());
    const { check, published } = run.target.probe;
    const to = published && reachedAt(HERE, published);
    const result = to ? await probe(check, to) : ({ passed: false, fault: 'way', words: 'The port to check is not published' } as const);
    if (run.end(result, performance.now())) this.onChange();
  }
}

const isChecked = (order: Order | undefined, seen: ObservedWorkload | undefined): boolean =>
  order?.will === 'run' && seen?.phase === 'running' && order.spec?.healthCheck != null && !('command' in order.spec.healthCheck);
