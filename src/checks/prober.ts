import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { setMaxListeners } from 'node:events';
import type { Counter } from 'prom-client';
import { FairTurns } from '../common/fair-turns';
import { PubSub } from '../database/pub-sub';
import { Metrics } from '../metrics/metrics';
import { reachedAt } from '../engines/node-address';
import { ChecksRepository, CHECKS_TOPIC, type Finding } from './checks.repository';
import { probe } from './probe';
import type { ProbeResult } from './probe-result';
import type { ProbeTarget } from './probe-target';
import { ProbedRun } from './probed-run';

const TICK_MS = 50;
/** New runs are told of by hints; what a lost hint would have told, and what has ended, is found so often. */
const LOAD_EVERY_MS = 2_000;
const LOAD_AT_MOST_EVERY_MS = 200;
/** Far more than run at a time unless targets are slow; then the others of an owner wait, and those of other owners do not. */
const TURNS = { total: 2_000, perOwner: 200 };

/** A node that this process probes, by the claim of its job. */
interface Held {
  readonly claim: string;
  /** Since when there has been nothing to probe. */
  idleSinceMs: number;
}

/**
 * Probes the replicas of the nodes whose jobs this process has, with one timer and one statement for all of them. The counts are in
 * memory; the verdicts are in the database, from which the next prober goes on.
 */
@Injectable()
export class Prober implements OnApplicationShutdown {
  private readonly logger = new Logger(Prober.name);
  private readonly held = new Map<string, Held>();
  private readonly runs = new Map<string, ProbedRun>();
  private readonly findings = new Map<string, Finding>();
  private readonly turns = new FairTurns(TURNS);
  private readonly stopping = new AbortController();
  private readonly probes: Counter<'kind' | 'result'>;
  private timer: NodeJS.Timeout | undefined;
  private unsubscribe: (() => void) | undefined;
  private loadDueMs = 0;
  private loadedMs = 0;
  private loading = false;
  private recording = false;

  constructor(
    private readonly checks: ChecksRepository,
    private readonly pubSub: PubSub,
    metrics: Metrics,
  ) {
    // Every probe that waits for its turn listens for the end.
    setMaxListeners(Infinity, this.stopping.signal);
    this.probes = metrics.counter({
      name: 'fog_check_probes_total',
      help: 'Probes of health checks by http and tcp: passed, failed, not_made.',
      labels: ['kind', 'result'],
    });
  }

  /** Begins to probe a node. Whoever calls it has the job of the node, and calls `drop` when it is over. */
  hold(nodeId: string, claim: string): void {
    this.held.set(nodeId, { claim, idleSinceMs: performance.now() });
    this.loadDueMs = 0;
    this.unsubscribe ??= this.pubSub.subscribe(CHECKS_TOPIC, (id) => this.loadSoon(id));
    this.timer ??= setInterval(() => this.tick(performance.now()), TICK_MS);
  }

  drop(nodeId: string): void {
    this.held.delete(nodeId);
    for (const [id, run] of this.runs) if (run.target.nodeId === nodeId) this.forget(id);
    if (this.held.size === 0) this.rest();
  }

  /** For how long there has been nothing to probe on a node; less than a few seconds while there is something. */
  idleMs(nodeId: string): number {
    return performance.now() - (this.held.get(nodeId)?.idleSinceMs ?? performance.now());
  }

  onApplicationShutdown(): void {
    this.stopping.abort(new Error('The process is ending'));
    this.rest();
  }

  private rest(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.unsubscribe?.();
    this.unsubscribe = undefined;
  }

  private loadSoon(nodeId: string): void {
    if (this.held.has(nodeId)) this.loadDueMs = Math.min(this.loadDueMs, this.loadedMs + LOAD_AT_MOST_EVERY_MS);
  }

  private tick(nowMs: number): void {
    if (!this.loading && nowMs >= this.loadDueMs) void this.load();
    for (const run of this.runs.values()) if (run.isDue(nowMs)) this.begin(run);
    if (!this.recording && this.findings.size > 0) void this.record();
  }

  private async load(): Promise<void> {
    this.loading = true;
    this.loadedMs = performance.now();
    this.loadDueMs = this.loadedMs + LOAD_EVERY_MS;
    const asked = [...this.held.keys()];
    try {
      this.take(asked, await this.checks.targets(asked));
    } catch (error) {
      // Nobody knows whether there is something to probe.
      for (const held of this.held.values()) held.idleSinceMs = performance.now();
      this.logger.debug(`What is to be probed could not be read, trying again: ${String(error)}`);
    } finally {
      this.loading = false;
    }
  }

  /** Takes over what is to be probed on these nodes. A run that is known goes on with its counts. */
  private take(nodeIds: readonly string[], targets: readonly ProbeTarget[]): void {
    const nowMs = performance.now();
    const nodes = new Set(nodeIds);
    const wanted = new Set(targets.map(({ replicaId }) => replicaId));
    for (const [id, run] of this.runs) if (nodes.has(run.target.nodeId) && !wanted.has(id)) this.forget(id);
    for (const target of targets) {
      const held = this.held.get(target.nodeId);
      if (!held) continue;
      held.idleSinceMs = nowMs;
      const known = this.runs.get(target.replicaId);
      if (known?.target.run !== target.run) this.runs.set(target.replicaId, new ProbedRun(target, nowMs));
      else if (known.refresh(target)) this.note(known);
    }
  }

  private forget(replicaId: string): void {
    this.runs.delete(replicaId);
    this.findings.delete(replicaId);
  }

  private begin(run: ProbedRun): void {
    run.wait();
    const { ownerId, probe: stored } = run.target;
    this.turns
      .run(ownerId, this.stopping.signal, async () => {
        if (this.runs.get(run.target.replicaId) !== run) return;
        run.begin(performance.now());
        const result = await look(run.target);
        this.probes.inc({ kind: 'http' in stored.check ? 'http' : 'tcp', result: resultName(result) });
        const changed = run.end(result, performance.now());
        if (changed && this.runs.get(run.target.replicaId) === run) this.note(run);
      })
      // Only the end of the process keeps a probe from its turn.
      .catch(() => undefined);
  }

  private note({ target: { replicaId, nodeId, run }, verdict: { healthy, reason } }: ProbedRun): void {
    const held = this.held.get(nodeId);
    if (held) this.findings.set(replicaId, { replicaId, run, healthy, reason, claim: held.claim });
  }

  private async record(): Promise<void> {
    this.recording = true;
    const findings = [...this.findings.values()].sort((a, b) => (a.replicaId < b.replicaId ? -1 : 1));
    this.findings.clear();
    try {
      await this.checks.record(findings);
    } catch (error) {
      // The next load finds that the records differ from what is known here, and has it written again.
      this.logger.warn(`The health of ${findings.length} replicas could not be recorded, trying again: ${String(error)}`);
    } finally {
      this.recording = false;
    }
  }
}

/** A way that does not exist is no fault of the replica, but a replica that nobody can reach has not started either. */
function look({ probe: { check, published }, address, endpoint }: ProbeTarget): Promise<ProbeResult> {
  const to = published && reachedAt({ address, endpoint }, published);
  if (to) return probe(check, to);
  const words = published
    ? 'The port to check is published on the loopback address of another machine, where nobody else reaches it'
    : 'The port to check is not published';
  return Promise.resolve({ passed: false, fault: 'way', words });
}

const resultName = (result: ProbeResult): string => (result.passed ? 'passed' : result.fault === 'replica' ? 'failed' : 'not_made');
