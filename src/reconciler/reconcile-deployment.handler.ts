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
import type { ClaimedJob, JobHandler, JobResult, Place } from '../jobs/job-kinds';
import { JobQueue } from '../jobs/job-queue';
import { leavingPlace } from '../jobs/leaving-place';
import { Hints } from '../database/hints';
import { PubSub } from '../database/pub-sub';
import type { StopOptions } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';
import { CheckedReplicas } from './checked-replicas';
import { EngineCalls } from './engine-calls';
import { ImageDigests } from './image-digests';
import { LastLines } from './last-lines';
import { expectedOn, Observer } from './observer';
import { plan } from './plan';
import type { NodeView, Plan, PlanReplica } from './plan.types';
import { Progress } from './progress';
import { Recorder } from './recorder';
import { graceSecondsOf, SnapshotRepository, type Snapshot } from './snapshot.repository';
import { StopFailures } from './stop-failures';
import { Strangers } from './strangers';
import { WaitingStarts } from './waiting-starts';
import { WatchedPulls } from './watched-pulls';
import { Workloads } from './workloads';

const SHORT_WAIT_MS = 1_000;
/**
 * The pause after a plan that came too late, as the deployment had changed. If the claim was lost instead, the signal ends the
 * pause.
 */
const STALE_PAUSE_MS = 25;
const REPLACEMENT_RETRY_MS = 5_000;
/** Room comes without a message to those who wait for it. */
const LONGEST_WAIT_FOR_ROOM_MS = 10_000;
/** A run for which the engines have said nothing for so long leaves its place: it waits for a pull, or for an engine that hangs. */
const LEAVES_AFTER_MS = 1_000;
/**
 * The share of its places above which the worker counts as busy. It seldom fills all: each free place waits for the next claim.
 */
const BUSY_SHARE = 0.5;
/** The share of those that one owner must have before its own starts wait. */
const OWN_SHARE = 0.25;
const BEHIND_THE_OTHERS: JobResult = { kind: 'again', afterMs: WaitingStarts.LONGEST_MS };

/** What one run of the job has to itself. */
interface Run {
  readonly calls: EngineCalls;
  readonly place: Place;
  /** The seconds that each container which is being ended was given to end by itself. */
  readonly graces: Map<string, number>;
  /** That others have changed the deployment. */
  readonly changes: Hints;
}

type StopCall = Plan['remove'][number] & Pick<StopOptions, 'graceSeconds' | 'containerId'> & { readonly kind: 'suspend' | 'remove' };

/**
 * Brings one deployment to what is wanted: it observes, plans, records and asks the engines, again and again until nothing is
 * left to do now. It begins from the database and the engines each time, so it may be killed at any point.
 */
@Injectable()
export class ReconcileDeploymentHandler implements JobHandler {
  readonly kind = 'deployment.reconcile';
  /** A run that only waits for an engine leaves its place to others, up to so many. */
  readonly mostAway = 500;
  /** The runs under way, and whose deployments they look after as soon as that is known. */
  private readonly runs = new Map<Place, string | null>();
  private readonly waitingStarts: WaitingStarts;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
    private readonly snapshots: SnapshotRepository,
    private readonly workloads: Workloads,
    private readonly observer: Observer,
    private readonly strangers: Strangers,
    private readonly checked: CheckedReplicas,
    private readonly lastLines: LastLines,
    private readonly digests: ImageDigests,
    private readonly recorder: Recorder,
    private readonly replicas: ReplicasRepository,
    private readonly runtimes: Runtimes,
    private readonly pubSub: PubSub,
    private readonly metrics: DeploymentMetrics,
    private readonly stopFailures: StopFailures,
    private readonly pulls: WatchedPulls,
    jobs: JobQueue,
  ) {
    const wake = (keys: readonly string[]): Promise<void> => jobs.enqueueNow(keys.map((key) => ({ kind: this.kind, key })));
    this.waitingStarts = new WaitingStarts(() => this.usual - this.active(), wake);
  }

  get concurrency(): number {
    return this.config.WORKER_CONCURRENCY;
  }

  async handle(job: ClaimedJob, signal: AbortSignal, place: Place): Promise<JobResult> {
    const calls = new EngineCalls(signal);
    const run: Run = { calls, place, graces: new Map(), changes: new Hints(this.pubSub, DEPLOYMENT_TOPIC, job.key) };
    this.runs.set(place, null);
    try {
      for (;;) {
        const result = await this.pass(job, run, signal);
        if (result !== 'go on') return result;
        signal.throwIfAborted();
      }
    } finally {
      this.runs.delete(place);
      run.changes.end();
      await leavingPlace(place, LEAVES_AFTER_MS, calls.close());
    }
  }

  private async pass(job: ClaimedJob, run: Run, signal: AbortSignal): Promise<JobResult | 'go on'> {
    const { calls, place, changes } = run;
    changes.clear();
    const snapshot = await this.snapshots.load(job.key);
    if (!snapshot) return { kind: 'done' };
    this.runs.set(place, snapshot.ownerId);
    const isWanted = (id: string): boolean => snapshot.replicas.some((replica) => replica.id === id && replica.status === 'starting');
    await leavingPlace(place, LEAVES_AFTER_MS, calls.keepStarts(isWanted));
    const startFailures = calls.takeStartFailures();
    const unproven = snapshot.replicas.filter(({ id }) => !calls.hasRemoved(id));
    const observing = this.observer.observe(job.key, nodesToAsk(snapshot), expectedOn(unproven), signal);
    const observed = await this.strangers.leaveOut(snapshot, await leavingPlace(place, LEAVES_AFTER_MS, observing));
    const { views, replicas } = await this.checked.add(snapshot, observed);
    const planned = plan({ ...snapshot, replicas, deployment: snapshot, views, startFailures });
    const steps = await leavingPlace(place, LEAVES_AFTER_MS, this.lastLines.add(planned, snapshot, { views, signal }));

    const wasChanged = changes.isGiven;
    const recorded = await this.recorder.record(snapshot, steps, job);
    // A hint that comes while something is written is about that.
    if (recorded.wrote && !wasChanged) changes.clear();
    if (recorded.stale) {
      calls.restoreStartFailures(startFailures);
      await sleep(STALE_PAUSE_MS, undefined, { signal });
      return 'go on';
    }
    this.ask(snapshot, { steps, views }, run);
    // What has just been placed is started, and what a rollout has become is acted on, beside the calls under way: otherwise new replicas
    // of a rollout would wait for the end of those that they replace.
    const hasSequel = steps.place !== null || steps.rollout?.kind === 'state';
    if (hasSequel && recorded.wrote && recorded.shortfall === null && calls.running) return 'go on';
    if (calls.running) {
      if (!recorded.wrote) await this.showStopFailures(job, snapshot, steps, calls);
      await this.waitForNews(run);
      return 'go on';
    }
    if (recorded.wrote && snapshot.status === 'pending' && this.isBusyWith(snapshot.ownerId)) {
      this.waitingStarts.add(job.key, snapshot.ownerId);
      return BEHIND_THE_OTHERS;
    }
    if (recorded.wrote && !onlyNotesRunning(steps)) return 'go on';
    const problems = [...steps.blocked, ...calls.problems, ...(recorded.shortfall === null ? [] : [recorded.shortfall])];
    if (problems.length === 0) return outcome(steps);
    if (recorded.shortfall === null && steps.dueMs !== null && steps.dueMs <= SHORT_WAIT_MS) {
      // Within the run, in which what has failed keeps its back-off.
      await this.showStopFailures(job, snapshot, steps, calls);
      await leavingPlace(place, LEAVES_AFTER_MS, changes.wait(steps.dueMs));
      return 'go on';
    }
    const longestMs = recorded.shortfall === null ? Infinity : LONGEST_WAIT_FOR_ROOM_MS;
    // One node that does not answer holds up nothing that goes on elsewhere.
    const afterMs = Math.min(longestMs, Math.max(SHORT_WAIT_MS, steps.dueMs ?? Infinity), backoffMs(job.attempts, Math.random()));
    await this.stopFailures.note(job, snapshot, calls.takeStopFailures(steps.unstoppable), afterMs);
    return { kind: 'failed', words: problems.join('; '), afterMs };
  }

  /** True when most places are taken, and more than a few of them by this owner. Nobody waits because of others. */
  private isBusyWith(ownerId: string): boolean {
    return this.active() > this.usual && this.active(ownerId) > this.usual * OWN_SHARE;
  }

  /** How many runs have their places, of all owners or of one. */
  private active(ownerId?: string): number {
    return [...this.runs].filter(([place, owner]) => place.isTaken && (ownerId === undefined || owner === ownerId)).length;
  }

  /** While more runs than this are active, deployments that have just been placed put off their starts (see WaitingStarts). */
  private get usual(): number {
    return Math.max(1, Math.floor(this.concurrency * BUSY_SHARE));
  }

  /**
   * Asks the engines for what has been recorded, unless the same call is already under way. A container that is to end sooner
   * than it was told is asked again.
   */
  private ask(snapshot: Snapshot, { steps, views }: { steps: Plan; views: ReadonlyMap<string, NodeView> }, { calls, graces }: Run): void {
    const replicas = new Map(snapshot.replicas.map((replica) => [replica.id, replica]));
    const starts = steps.ensure.filter((id) => !calls.isBusy('start', id)).flatMap((id) => replicas.get(id) ?? []);
    const stops = (['suspend', 'remove'] as const).flatMap((kind) => steps[kind].map((each) => ({ ...each, kind })));
    for (const replica of starts) calls.begin('start', replica.id, (signal) => this.start(snapshot, replica, signal));
    for (const { kind, nodeId, replicaId } of stops) {
      const graceSeconds = graceSecondsOf(snapshot, replicaId, this.config.STOP_GRACE_SECONDS);
      if (calls.isBusy(kind, replicaId) && graceSeconds >= (graces.get(replicaId) ?? 0)) continue;
      graces.set(replicaId, graceSeconds);
      const view = views.get(nodeId);
      const containerId = view?.reachable === true ? view.workloads.get(replicaId)?.containerId : undefined;
      calls.begin(kind, replicaId, (signal) => this.stop(snapshot, { kind, nodeId, replicaId, graceSeconds, containerId }, signal));
    }
  }

  private async start(snapshot: Snapshot, replica: PlanReplica, signal: AbortSignal): Promise<void> {
    const node = snapshot.nodes.get(replica.nodeId);
    const driver = node && this.runtimes.driverFor(node.runtime);
    if (!driver) return;
    const progress = new Progress((words) => this.replicas.noteProgress(this.dataSource, replica.id, words));
    try {
      const { note: onProgress } = progress;
      const workload = await this.workloads.of(snapshot, replica);
      await this.pulls.watch(
        workload,
        driver.ensure(node, workload, {
          signal,
          onProgress,
          resumeRunAt: replica.suspendedRunAt,
          chooseDigest: (digest) => this.digests.choose(snapshot.id, replica.revision, digest),
        }),
      );
      await this.workloads.noteStarted(workload);
    } finally {
      progress.end();
    }
  }

  private async stop(snapshot: Snapshot, { kind, nodeId, replicaId, ...options }: StopCall, signal: AbortSignal): Promise<void> {
    const node = snapshot.nodes.get(nodeId);
    const driver = node && this.runtimes.driverFor(node.runtime);
    if (!driver) return;
    await this.metrics.timeStop(() => driver[kind](node, replicaId, { ...options, signal }));
  }

  /** Records why replicas cannot be stopped while the run still waits for other calls, instead of at its end. */
  private async showStopFailures(job: ClaimedJob, snapshot: Snapshot, steps: Plan, calls: EngineCalls): Promise<void> {
    const failures = calls.takeStopFailures(steps.unstoppable);
    if (failures.length > 0) await this.stopFailures.note(job, snapshot, failures, calls.retryMs);
  }

  /** Waits until an engine call ends, a user changes the deployment, or a second has passed. */
  private async waitForNews({ calls, place, changes }: Run): Promise<void> {
    const news = Promise.race([calls.next(), changes.wait(SHORT_WAIT_MS)]);
    await leavingPlace(place, Math.max(0, LEAVES_AFTER_MS - calls.quietMs), news);
  }
}

/**
 * The nodes whose engines may know a replica: a node with only `pending` replicas was never asked to run one, and `stopped` ones
 * are confirmed gone.
 */
const nodesToAsk = ({ replicas, nodes }: Snapshot): NodeTarget[] => {
  const asked = new Set(replicas.filter(({ status }) => status !== 'pending' && status !== 'stopped').map(({ nodeId }) => nodeId));
  return [...nodes.values()].filter(({ id }) => asked.has(id));
};

/** True when the plan recorded nothing but that replicas run: looking again at once would find nothing to do. */
const onlyNotesRunning = ({ moves, place, rollout, release, supersede, suspended }: Plan): boolean =>
  place === null &&
  rollout === null &&
  release.length + supersede.length + suspended.length === 0 &&
  moves.every(({ to }) => to === 'running');

function outcome(steps: Plan): JobResult {
  if (steps.lookAgainMs !== null) return { kind: 'again', afterMs: steps.lookAgainMs };
  return steps.place ? { kind: 'again', afterMs: REPLACEMENT_RETRY_MS } : { kind: 'done' };
}
