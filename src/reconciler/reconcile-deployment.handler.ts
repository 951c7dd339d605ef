import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import { DeploymentMetrics } from '../deployments/deployment-metrics';
import { DEPLOYMENT_TOPIC } from '../deployments/deployments.repository';
import { ReplicasRepository } from '../deployments/replicas.repository';
import type { NodeTarget } from '../engines/node-target';
import { backoffMs } from '../jobs/backoff';
import type { ClaimedJob, JobHandler, JobResult } from '../jobs/job-kinds';
import { JobQueue } from '../jobs/job-queue';
import { PubSub } from '../database/pub-sub';
import { Runtimes } from '../runtime/runtimes';
import { EngineCalls } from './engine-calls';
import { expectedOn, Observer } from './observer';
import { plan } from './plan';
import type { Plan, PlanReplica } from './plan.types';
import { Progress } from './progress';
import { Recorder } from './recorder';
import { graceSecondsOf, SnapshotRepository, workloadOf, type Snapshot } from './snapshot.repository';
import { StopFailures } from './stop-failures';
import { WaitingStarts } from './waiting-starts';

const SHORT_WAIT_MS = 1_000;
/**
 * The pause after a plan that came too late, as the deployment had changed. If the claim was lost instead, the signal ends the
 * pause.
 */
const STALE_PAUSE_MS = 25;
const REPLACEMENT_RETRY_MS = 5_000;
/** When no call to an engine has begun or ended for so long, the run waits for a pull or for a container to stop. */
const SLOW_AFTER_MS = 5_000;
/** At most so many slow runs get an extra place, which bounds memory and connections to engines. */
const MOST_SLOW = 500;
/**
 * The share of its places above which the worker counts as busy. It seldom fills all: each free place waits for the next claim.
 */
const BUSY_SHARE = 0.5;
const BEHIND_THE_OTHERS: JobResult = { kind: 'again', afterMs: WaitingStarts.LONGEST_MS };

type StopCall = Plan['remove'][number] & { readonly kind: 'suspend' | 'remove' };

/**
 * Brings one deployment to what is wanted: it observes, plans, records and asks the engines, again and again until nothing is
 * left to do now. It begins from the database and the engines each time, so it may be killed at any point.
 */
@Injectable()
export class ReconcileDeploymentHandler implements JobHandler {
  readonly kind = 'deployment.reconcile';
  private active = 0;
  private readonly slow = new Set<EngineCalls>();
  private readonly waitingStarts: WaitingStarts;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
    private readonly snapshots: SnapshotRepository,
    private readonly observer: Observer,
    private readonly recorder: Recorder,
    private readonly replicas: ReplicasRepository,
    private readonly runtimes: Runtimes,
    private readonly pubSub: PubSub,
    private readonly metrics: DeploymentMetrics,
    private readonly stopFailures: StopFailures,
    jobs: JobQueue,
  ) {
    const wake = (keys: readonly string[]): Promise<void> => jobs.enqueueNow(keys.map((key) => ({ kind: this.kind, key })));
    this.waitingStarts = new WaitingStarts(() => this.usual - this.active, wake);
  }

  /**
   * A run that only waits for an engine (a long pull, a container that does not stop) does not count, so that deletions go on.
   */
  get concurrency(): number {
    return this.config.WORKER_CONCURRENCY + Math.min(this.slow.size, MOST_SLOW);
  }

  async handle(job: ClaimedJob, signal: AbortSignal): Promise<JobResult> {
    const calls = new EngineCalls(signal);
    this.active += 1;
    try {
      for (;;) {
        const result = await this.pass(job, calls, signal);
        if (result !== 'go on') return result;
        signal.throwIfAborted();
      }
    } finally {
      this.active -= 1;
      this.slow.delete(calls);
      await calls.close();
    }
  }

  private async pass(job: ClaimedJob, calls: EngineCalls, signal: AbortSignal): Promise<JobResult | 'go on'> {
    const snapshot = await this.snapshots.load(job.key);
    if (!snapshot) return { kind: 'done' };
    await calls.keepStarts((id) => snapshot.replicas.some((replica) => replica.id === id && replica.status === 'starting'));
    const startFailures = calls.takeStartFailures();
    const views = await this.observer.observe(job.key, nodesToAsk(snapshot), expectedOn(snapshot.replicas), signal);
    const steps = plan({ ...snapshot, deployment: snapshot, views, startFailures });

    const recorded = await this.recorder.record(snapshot, steps, job);
    if (recorded.stale) {
      calls.restoreStartFailures(startFailures);
      await sleep(STALE_PAUSE_MS, undefined, { signal });
      return 'go on';
    }
    this.ask(snapshot, steps, calls);
    if (calls.running) {
      if (!recorded.wrote) await this.showStopFailures(job, snapshot, steps, calls);
      await this.waitForNews(job.key, calls);
      return 'go on';
    }
    if (recorded.wrote && snapshot.status === 'pending' && this.active > this.usual) {
      this.waitingStarts.add(job.key);
      return BEHIND_THE_OTHERS;
    }
    if (recorded.wrote && !onlyNotesRunning(steps)) return 'go on';
    const problems = [...steps.blocked, ...calls.problems, ...(recorded.shortfall === null ? [] : [recorded.shortfall])];
    if (problems.length === 0) return outcome(steps);
    const afterMs = backoffMs(job.attempts, Math.random());
    await this.stopFailures.note(job, snapshot, calls.takeStopFailures(steps.unstoppable), afterMs);
    return { kind: 'failed', words: problems.join('; '), afterMs };
  }

  /** While more runs than this are active, deployments that have just been placed put off their starts (see WaitingStarts). */
  private get usual(): number {
    return Math.max(1, Math.floor(this.concurrency * BUSY_SHARE));
  }

  /** Asks the engines for what has been recorded, unless the same call is already under way. */
  private ask(snapshot: Snapshot, steps: Plan, calls: EngineCalls): void {
    const replicas = new Map(snapshot.replicas.map((replica) => [replica.id, replica]));
    const starts = steps.ensure.filter((id) => !calls.isBusy('start', id)).flatMap((id) => replicas.get(id) ?? []);
    const stops = (['suspend', 'remove'] as const).flatMap((kind) => steps[kind].map((each) => ({ ...each, kind })));
    for (const replica of starts) calls.begin('start', replica.id, (signal) => this.start(snapshot, replica, signal));
    for (const stop of stops.filter(({ kind, replicaId }) => !calls.isBusy(kind, replicaId))) {
      calls.begin(stop.kind, stop.replicaId, (signal) => this.stop(snapshot, stop, signal));
    }
  }

  private async start(snapshot: Snapshot, replica: PlanReplica, signal: AbortSignal): Promise<void> {
    const node = snapshot.nodes.get(replica.nodeId);
    const driver = node && this.runtimes.driverFor(node.runtime);
    if (!driver) return;
    const progress = new Progress((words) => this.replicas.noteProgress(this.dataSource, replica.id, words));
    try {
      const { note: onProgress } = progress;
      await driver.ensure(node, workloadOf(snapshot, replica), { signal, onProgress, resumeRunAt: replica.suspendedRunAt });
    } finally {
      progress.end();
    }
  }

  private async stop(snapshot: Snapshot, { kind, nodeId, replicaId }: StopCall, signal: AbortSignal): Promise<void> {
    const node = snapshot.nodes.get(nodeId);
    const driver = node && this.runtimes.driverFor(node.runtime);
    if (!driver) return;
    const graceSeconds = graceSecondsOf(snapshot, replicaId, this.config.STOP_GRACE_SECONDS);
    await this.metrics.timeStop(() => driver[kind](node, replicaId, { graceSeconds, signal }));
  }

  /** Records why replicas cannot be stopped while the run still waits for other calls, instead of at its end. */
  private async showStopFailures(job: ClaimedJob, snapshot: Snapshot, steps: Plan, calls: EngineCalls): Promise<void> {
    const failures = calls.takeStopFailures(steps.unstoppable);
    if (failures.length > 0) await this.stopFailures.note(job, snapshot, failures, calls.retryMs);
  }

  /** Waits until an engine call ends, a user changes the deployment, or a second has passed. */
  private async waitForNews(deploymentId: string, calls: EngineCalls): Promise<void> {
    if (calls.quietMs > SLOW_AFTER_MS) this.slow.add(calls);
    else this.slow.delete(calls);
    await Promise.race([calls.next(), this.pubSub.next(DEPLOYMENT_TOPIC, deploymentId, SHORT_WAIT_MS)]);
  }
}

/** The nodes whose engines may know a replica: a node with only `pending` replicas was never asked to run one. */
const nodesToAsk = ({ replicas, nodes }: Snapshot): NodeTarget[] => {
  const asked = new Set(replicas.filter(({ status }) => status !== 'pending').map(({ nodeId }) => nodeId));
  return [...nodes.values()].filter(({ id }) => asked.has(id));
};

/** True when the plan recorded nothing but that replicas run: looking again at once would find nothing to do. */
const onlyNotesRunning = ({ moves, place, release, supersede, suspended }: Plan): boolean =>
  place === null && release.length + supersede.length + suspended.length === 0 && moves.every(({ to }) => to === 'running');

function outcome(steps: Plan): JobResult {
  if (steps.lookAgainMs !== null) return { kind: 'again', afterMs: steps.lookAgainMs };
  return steps.place ? { kind: 'again', afterMs: REPLACEMENT_RETRY_MS } : { kind: 'done' };
}
