import { Injectable, Logger } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { AppConfig } from '../config/app-config';
import { DEPLOYMENT_CHANNEL } from '../deployments/deployments.repository';
import { ReplicasRepository } from '../deployments/replicas.repository';
import type { ClaimedJob, JobHandler, JobResult } from '../jobs/job-kinds';
import { Notifications } from '../jobs/notifications';
import { Runtimes } from '../runtime/runtimes';
import { EngineCalls } from './engine-calls';
import { Observer } from './observer';
import { plan } from './plan';
import type { Plan, PlanReplica } from './plan.types';
import { Recorder } from './recorder';
import { SnapshotRepository, workloadOf, type Snapshot } from './snapshot.repository';

const SHORT_WAIT_MS = 1_000;
/** When the deployment changed under a plan; also ends a run whose claim was lost, as soon as the worker notices. */
const STALE_PAUSE_MS = 25;
const REPLACEMENT_RETRY_MS = 5_000;

/**
 * Brings one deployment to what is wanted: look, plan, write down, ask the engines, look again, until nothing is left to
 * do now. Level-driven: it starts from the database and the engines each time, so it can be killed at any point.
 */
@Injectable()
export class ReconcileDeploymentHandler implements JobHandler {
  readonly kind = 'deployment.reconcile';
  readonly concurrency: number;
  private readonly logger = new Logger(ReconcileDeploymentHandler.name);

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
    private readonly snapshots: SnapshotRepository,
    private readonly observer: Observer,
    private readonly recorder: Recorder,
    private readonly replicas: ReplicasRepository,
    private readonly runtimes: Runtimes,
    private readonly notifications: Notifications,
  ) {
    this.concurrency = config.WORKER_CONCURRENCY;
  }

  async handle(job: ClaimedJob, signal: AbortSignal): Promise<JobResult> {
    const calls = new EngineCalls(signal);
    try {
      for (;;) {
        const result = await this.pass(job, calls, signal);
        if (result !== 'go on') return result;
        signal.throwIfAborted();
      }
    } finally {
      await calls.close();
    }
  }

  private async pass(job: ClaimedJob, calls: EngineCalls, signal: AbortSignal): Promise<JobResult | 'go on'> {
    const snapshot = await this.snapshots.load(job.key);
    if (!snapshot) return { kind: 'done' };
    await calls.keepStarts((id) => snapshot.replicas.some((replica) => replica.id === id && replica.status === 'starting'));
    const startFailures = calls.takeStartFailures();
    const views = await this.observer.observe(job.key, snapshot.nodes.values(), expectedOn(snapshot), signal);
    const steps = plan({ ...snapshot, deployment: snapshot, views, startFailures });

    const recorded = await this.recorder.record(snapshot, steps, job);
    if (recorded.stale) {
      calls.restoreStartFailures(startFailures);
      await sleep(STALE_PAUSE_MS, undefined, { signal });
      return 'go on';
    }
    this.ask(snapshot, steps, calls);
    if (calls.running) {
      await this.waitForNews(job.key, calls);
      return 'go on';
    }
    if (recorded.wrote) return 'go on';
    return outcome(steps, [...steps.blocked, ...calls.problems, ...(recorded.shortfall === null ? [] : [recorded.shortfall])]);
  }

  /** Asks the engines for what was written down, unless they were asked already. */
  private ask(snapshot: Snapshot, steps: Plan, calls: EngineCalls): void {
    const replicas = new Map(snapshot.replicas.map((replica) => [replica.id, replica]));
    const starts = steps.ensure.filter((id) => !calls.isBusy('start', id)).flatMap((id) => replicas.get(id) ?? []);
    const removals = steps.remove.filter(({ replicaId }) => !calls.isBusy('remove', replicaId));
    for (const replica of starts) calls.begin('start', replica.id, (signal) => this.start(snapshot, replica, signal));
    for (const { nodeId, replicaId } of removals) {
      calls.begin('remove', replicaId, (signal) => this.remove(snapshot, nodeId, replicaId, signal));
    }
  }

  private async start(snapshot: Snapshot, replica: PlanReplica, signal: AbortSignal): Promise<void> {
    const node = snapshot.nodes.get(replica.nodeId);
    const driver = node && this.runtimes.driverFor(node.runtime);
    if (!driver) return;
    const onProgress = (words: string): void => {
      this.replicas.noteProgress(this.dataSource, replica.id, words).catch((error: unknown) => {
        this.logger.debug(`The progress of ${replica.id} was not noted: ${String(error)}`);
      });
    };
    await driver.ensure(node, workloadOf(snapshot, replica), { signal, onProgress });
  }

  private async remove(snapshot: Snapshot, nodeId: string, replicaId: string, signal: AbortSignal): Promise<void> {
    const node = snapshot.nodes.get(nodeId);
    const driver = node && this.runtimes.driverFor(node.runtime);
    if (!driver) return;
    await driver.remove(node, replicaId, { graceSeconds: this.config.STOP_GRACE_SECONDS, signal });
  }

  /** Until an engine call ends, the deployment is changed by a user, or a second has passed. */
  private async waitForNews(deploymentId: string, calls: EngineCalls): Promise<void> {
    await Promise.race([calls.next(), this.notifications.next(DEPLOYMENT_CHANNEL, deploymentId, SHORT_WAIT_MS)]);
  }
}

/** The replicas that a node's engine should know, as far as the records go. */
const expectedOn =
  (snapshot: Snapshot) =>
  (nodeId: string): string[] =>
    snapshot.replicas.filter((replica) => replica.nodeId === nodeId && replica.status !== 'pending').map((replica) => replica.id);

function outcome(steps: Plan, problems: readonly string[]): JobResult {
  if (problems.length > 0) return { kind: 'failed', words: problems.join('; ') };
  if (steps.lookAgainMs !== null) return { kind: 'again', afterMs: steps.lookAgainMs };
  return steps.place ? { kind: 'again', afterMs: REPLACEMENT_RETRY_MS } : { kind: 'done' };
}
