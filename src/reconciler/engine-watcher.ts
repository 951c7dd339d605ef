import { Injectable, Logger } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import type { NodeTarget } from '../engines/node-target';
import { JobQueue } from '../jobs/job-queue';
import { NodesRepository } from '../nodes/nodes.repository';
import { Runtimes } from '../runtime/runtimes';

const RECONNECT_MS = 1_000;
const COLLECT_MS = 50;
/** An engine reports the end of a container before its own list shows it, so the deployment is looked at twice more, later. */
const LATER_LOOKS_MS: readonly number[] = [400, 1_000];

/**
 * Listens to the events of every engine, so that the end of a container is noticed within two seconds. Events are hints: they
 * wake the deployment's job, and the reconciler then asks the engine. The sync of the node finds what a lost event would have
 * told.
 */
@Injectable()
export class EngineWatcher {
  private readonly logger = new Logger(EngineWatcher.name);
  private readonly watched = new Map<string, AbortController>();
  private readonly changed = new Set<string>();
  private readonly later = new Map<string, NodeJS.Timeout>();
  private timer: NodeJS.Timeout | undefined;
  private flushing: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly config: AppConfig,
    private readonly nodes: NodesRepository,
    private readonly runtimes: Runtimes,
    private readonly jobs: JobQueue,
  ) {}

  start(): void {
    this.timer = setInterval(() => void this.follow(), this.config.NODE_SYNC_SECONDS * 1000);
    void this.follow();
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.timer);
    clearTimeout(this.flushing);
    for (const timer of this.later.values()) clearTimeout(timer);
    for (const abort of this.watched.values()) abort.abort();
  }

  /** Begins to watch new nodes and stops watching nodes that have been removed. */
  private async follow(): Promise<void> {
    try {
      const targets = await this.nodes.targets(this.runtimes.kinds);
      if (this.stopped) return;
      const ids = new Set(targets.map((target) => target.id));
      for (const [id, abort] of this.watched) if (!ids.has(id)) abort.abort();
      for (const target of targets) if (!this.watched.has(target.id)) void this.watch(target);
    } catch (error) {
      this.logger.debug(`The nodes to watch could not be read: ${String(error)}`);
    }
  }

  private async watch(target: NodeTarget): Promise<void> {
    const abort = new AbortController();
    this.watched.set(target.id, abort);
    const driver = this.runtimes.driverFor(target.runtime);
    try {
      await driver?.watch(target, ({ deploymentId }) => this.note(deploymentId), abort.signal);
    } catch (error) {
      this.logger.debug(`The events of ${target.name} broke off: ${String(error)}`);
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS).unref());
      if (!this.stopped) setImmediate(() => void this.follow());
    } finally {
      this.watched.delete(target.id);
      // No events came while the stream was down, so a sync of the node finds what has changed.
      if (!this.stopped) await this.jobs.enqueueNow([{ kind: 'node.sync', key: target.id }]).catch(() => undefined);
    }
  }

  private note(deploymentId: string, laterLooks = LATER_LOOKS_MS): void {
    if (this.stopped) return;
    this.changed.add(deploymentId);
    this.flushing ??= setTimeout(() => void this.flush(), COLLECT_MS);
    clearTimeout(this.later.get(deploymentId));
    this.later.delete(deploymentId);
    const [next, ...rest] = laterLooks;
    if (next !== undefined)
      this.later.set(
        deploymentId,
        setTimeout(() => this.note(deploymentId, rest), next),
      );
  }

  private async flush(): Promise<void> {
    this.flushing = undefined;
    const keys = [...this.changed];
    this.changed.clear();
    try {
      await this.jobs.enqueueNow(keys.map((key) => ({ kind: 'deployment.reconcile', key })));
    } catch (error) {
      this.logger.debug(`Events were not passed on, the sync of the nodes makes good for them: ${String(error)}`);
    }
  }
}
